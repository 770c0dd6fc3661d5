"""Reading the project's documents, and what they may name: targets, commands, flags, paths."""

from __future__ import annotations

import importlib.util
import re
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
DERIVED = ROOT / "scripts" / "reference_pages.py"


def reference_pages() -> ModuleType:
    """Load the script that derives pages, which lies in no package."""
    specification = importlib.util.spec_from_file_location("reference_pages", DERIVED)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module
    specification.loader.exec_module(module)
    return module


@cache
def commands() -> dict[str, set[str]]:
    """Give every command, such as `api serve`, with its flags and variables."""
    pages = reference_pages()
    found: dict[str, set[str]] = {}
    for package in pages.PROGRAMS:
        for command, kind in pages.commands(pages.root_settings(package)):
            names = [field.alias or name for name, field in pages.settings(kind)]
            names += ["no_" + name for name, field in pages.settings(kind) if field.annotation is bool]
            found[command] = {"--" + name.replace("_", "-") for name in names}
    return found


def code_spans(page: str) -> list[str]:
    """Give what stands in backticks, and each line of the fenced blocks."""
    fenced = re.findall(r"^```\w*\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    inline = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", page, flags=re.DOTALL | re.MULTILINE))
    return inline + [line for block in fenced for line in block.splitlines()]


def words_of(command: str, known: dict[str, set[str]]) -> str | None:
    """Give the longest known command that a line begins with; None when it begins with none."""
    fitting = [name for name in known if command == name or command.startswith(f"{name} ")]
    return max(fitting, key=len, default=None)
