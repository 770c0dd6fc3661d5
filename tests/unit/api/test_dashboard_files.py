"""Laws of the dashboard's files that need no browser."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
STATIC = ROOT / "api" / "static"
OURS = sorted(file for kind in ("*.js", "*.css", "*.html") for file in STATIC.rglob(kind) if "vendor" not in file.parts)
MODULES = [file for file in OURS if file.suffix == ".js"]
PARSING = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|createContextualFragment"
)


def _name(file: Path) -> str:
    return str(file.relative_to(STATIC))


def test_vendored_libraries_are_what_their_list_says() -> None:
    told = subprocess.run(
        [sys.executable, ROOT / "scripts" / "vendor_static.py", "--check"], capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stderr


@pytest.mark.parametrize("file", OURS, ids=_name)
def test_no_file_names_another_host(file: Path) -> None:
    text = file.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
    assert re.findall(r"(?:https?:)?//[a-z0-9-]+\.[a-z]+", text) == []


@pytest.mark.parametrize("file", MODULES, ids=_name)
def test_no_module_parses_markup_or_code(file: Path) -> None:
    assert PARSING.findall(file.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("file", MODULES, ids=_name)
def test_every_module_finds_what_it_imports(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    wanted = re.findall(r'(?:from|import\()\s*"(\.[^"]+)"', text)
    assert [path for path in wanted if not (file.parent / path).resolve().is_file()] == []
    for names, path in re.findall(r'import \{([^}]+)\} from "(\.[^"]+)"', text):
        exported = (file.parent / path).resolve().read_text(encoding="utf-8")
        missing = [
            name.strip() for name in names.split(",") if not re.search(rf"export .*\b{name.strip()}\b", exported)
        ]
        assert missing == []


@pytest.mark.parametrize("file", MODULES, ids=_name)
def test_every_module_says_what_it_is_and_stays_small(file: Path) -> None:
    lines = file.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("// ")
    assert len(lines) <= 300
