from __future__ import annotations

import re
from pathlib import Path

import pytest
from project_docs import PAGES, ROOT, code_spans, commands, words_of

_NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
_FOLDERS = "contracts|rules|observability|simulator|hot_path|cold_path|api|stack|tests|docs|scripts|requirements"
_PROGRAMS = ("simulator", "hot-path", "cold-path", "api", "stack")


@pytest.mark.parametrize("name", _NAMES)
def test_every_make_target_named_in_a_page_exists(name: str) -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z][a-z0-9-]*):", makefile, re.MULTILINE))
    named = {target for span in code_spans(_text(name)) for target in re.findall(r"\bmake ([a-z][a-z0-9-]*)", span)}
    assert {target for target in named - targets if not target.startswith("benchmark-")} == set()


@pytest.mark.parametrize("name", _NAMES)
def test_every_command_and_flag_named_in_a_page_exists(name: str) -> None:
    known = commands()
    wrong = []
    for span in code_spans(_text(name)):
        line = re.sub(r"^(\$ |\.venv/bin/|docker compose exec [a-z-]+ )+", "", span.split("#")[0].strip())
        program, _, rest = line.partition(" ")
        if program not in _PROGRAMS or not re.match(r"[a-z]", rest):
            continue
        command = words_of(line, known)
        if command is None or set(re.findall(r"--[a-z-]+", line)) - known[command] - {"--help"}:
            wrong.append(span)
    assert wrong == []


@pytest.mark.parametrize("name", _NAMES)
def test_every_path_of_the_repository_named_in_a_page_exists(name: str) -> None:
    spans = code_spans(_text(name))
    paths = {path for span in spans for path in re.findall(rf"^(?:\./)?((?:{_FOLDERS})/[\w./-]*)$", span)}
    assert {path for path in paths if not (ROOT / path).exists()} == set()


@pytest.mark.parametrize("name", _NAMES)
def test_every_link_within_the_repository_leads_somewhere(name: str) -> None:
    targets = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", _text(name))
    local = [target for target in targets if "://" not in target]
    folder = (ROOT / name).parent
    assert [target for target in local if not (folder / target).exists()] == []


def test_every_decision_stands_in_the_index() -> None:
    index = _text("docs/adr/README.md")
    records = sorted(ROOT.glob("docs/adr/[0-9]*.md"))
    assert records
    assert [record.name for record in records if f"({record.name})" not in index] == []


def test_decisions_are_numbered_without_a_gap() -> None:
    numbers = [int(record.name[:4]) for record in sorted(ROOT.glob("docs/adr/[0-9]*.md"))]
    assert numbers == list(range(1, len(numbers) + 1))


def _text(name: str) -> str:
    return Path(ROOT / name).read_text(encoding="utf-8")
