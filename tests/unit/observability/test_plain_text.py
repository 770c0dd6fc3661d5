from __future__ import annotations

import json
import logging
import re
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import InvalidInput
from observability.logs import JsonLines, PlainLines
from observability.plain_text import json_line, print_error, print_json, print_line, visible
from observability.program import BAD_INPUT, run

any_text = st.text(st.characters(exclude_categories=()))


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("\x9b2J", r"\x9b2J"),
        ("a\rb\x08", r"a\rb\x08"),
        ("\u202eevil", r"\u202eevil"),
        ("\u2066x\u2069", r"\u2066x\u2069"),
        ("\udc80", r"\udc80"),
        ("\U000e0041", r"\U000e0041"),
        ("\u180e\u115f\u2800\ufe0f\u034f\u3164", r"\u180e\u115f\u2800\ufe0f\u034f\u3164"),
        ("line\n\tindented", "line\n\tindented"),
        ("Škoda 日本 🚗 [/red] :car:", "Škoda 日本 🚗 [/red] :car:"),
    ],
)
def test_what_acts_on_a_terminal_is_shown_and_what_people_write_stays(hostile: str, shown: str) -> None:
    assert visible(hostile) == shown


@given(any_text)
def test_no_text_acts_on_a_terminal_and_every_text_can_be_encoded(text: str) -> None:
    shown = visible(text, keeps="")
    assert not {unicodedata.category(character) for character in shown} & {"Cc", "Cs", "Zl", "Zp"}
    assert not any(unicodedata.bidirectional(one) in {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI"} for one in shown)
    shown.encode()


def test_every_character_that_unicode_calls_a_format_control_or_a_filler_is_shown() -> None:
    characters = [one for one in map(chr, range(sys.maxunicode + 1)) if visible(one, keeps="") == one]
    unseen = [one for one in characters if unicodedata.category(one) == "Cf"]
    assert all("ARABIC" in name or "SIGN" in name or "MARK" in name for name in map(unicodedata.name, unseen))
    named = [unicodedata.name(one, "") for one in characters if unicodedata.category(one) in {"Lo", "Mn", "So", "Cf"}]
    assert not [
        name
        for name in named
        if re.search(r"\b(FILLER|VARIATION SELECTOR|PATTERN BLANK|(ZERO WIDTH|GRAPHEME) JOINER)\b", name)
    ]


@given(any_text)
def test_a_log_line_is_one_line_whatever_its_fields_hold(text: str) -> None:
    record = logging.makeLogRecord({"msg": text, "model": text, "levelname": "INFO"})
    for formatter in (PlainLines(), JsonLines()):
        assert len(formatter.format(record).splitlines()) == 1
    assert not set(PlainLines().format(record)) & {"\x1b", "\x9b", "\x7f"}


@given(any_text)
def test_json_for_scripts_is_printable_and_comes_back_as_it_was(text: str) -> None:
    line = json_line({"model": text})
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line) == {"model": json.loads(json.dumps(text))}


def test_a_traceback_keeps_its_lines_and_its_message_is_escaped() -> None:
    error = ValueError("\x1b[2J")
    record = logging.makeLogRecord({"msg": "ended", "exc_info": (ValueError, error, None)})
    told = PlainLines().format(record)
    assert told.splitlines()[1:] == [r"ValueError: \x1b[2J"]


def test_a_program_that_ends_shows_the_text_it_complains_of(capsys: pytest.CaptureFixture[str]) -> None:
    def main() -> int:
        raise InvalidInput("rule '\x1b[31m[/red]\udcff' is unknown; see docs/rules.md")

    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        assert run("hot-path", main) == BAD_INPUT
    finally:
        root.handlers[:], root.level = handlers, level
    assert capsys.readouterr().err == "hot-path: rule '\\x1b[31m[/red]\\udcff' is unknown; see docs/rules.md\n"


def test_what_is_printed_is_escaped_and_goes_where_it_belongs(capsys: pytest.CaptureFixture[str]) -> None:
    print_line("\x1b[2Ja")
    print_json(["\x9b"])
    print_error("\x07b")
    told = capsys.readouterr()
    assert (told.out, told.err) == ('\\x1b[2Ja\n["\\u009b"]\n', "\\x07b\n")
