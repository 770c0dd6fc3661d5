from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SHOWN = "shown: ; @echo $$UV_CACHE_DIR $$PIP_CACHE_DIR\n"


def caches(**variables: str) -> list[str]:
    command = [shutil.which("make") or "make", "--silent", "--file", "Makefile", "--file", "-", "shown"]
    given = {"HOME": "/home/somebody"} | variables
    told = subprocess.run(command, cwd=ROOT, env=given, input=SHOWN, capture_output=True, text=True, check=True)
    return told.stdout.split()


@pytest.mark.parametrize(
    ("variables", "cache"), [({}, "/home/somebody/.cache"), ({"XDG_CACHE_HOME": "/elsewhere"}, "/elsewhere")]
)
def test_downloads_are_cached_only_where_the_readme_says(variables: dict[str, str], cache: str) -> None:
    assert caches(**variables) == [f"{cache}/connected-cars/uv", f"{cache}/connected-cars/pip"]
