"""Text from outside, made safe to show: a control character becomes a visible escape. All plain output goes here."""

from __future__ import annotations

import json
import re
import sys
from typing import Final, TextIO

_ACTS_ON_A_TERMINAL: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # C0 with ESC, DEL, C1 with the one-byte CSI and OSC
    "\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb"  # bidi, invisible, line ends
    "\ud800-\udfff\U000e0000-\U000e007f]"  # lone surrogates, which no encoding takes; tags
)


def visible(text: str, *, keeps: str = "\n\t") -> str:
    r"""Return the text with an escape such as `\x1b` for every character that acts on a terminal or reorders text.

    `keeps` are the control characters that stay as they are; give "" where the text must remain one line.
    """
    return _ACTS_ON_A_TERMINAL.sub(lambda found: found[0] if found[0] in keeps else _escape(found[0]), text)


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def json_line(value: object) -> str:
    """Return one line of JSON in printable ASCII; what JSON does not know is written as `str` gives it."""
    return json.dumps(value, default=str).replace("\x7f", r"\u007f")


def print_line(text: str) -> None:
    """Write a command's answer to standard output."""
    _write(sys.stdout, text)


def print_error(text: str) -> None:
    """Write what is wrong to standard error."""
    _write(sys.stderr, text)


def print_json(value: object) -> None:
    """Write a command's answer to standard output as one line of JSON."""
    _write(sys.stdout, json_line(value))


def _write(stream: TextIO, text: str) -> None:
    """Write a line at once; a character that the stream's encoding lacks is escaped, too."""
    encoding = stream.encoding or "utf-8"
    stream.write(visible(text).encode(encoding, "backslashreplace").decode(encoding) + "\n")
    stream.flush()
