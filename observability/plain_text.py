"""Text from outside, made safe to show: a control character becomes a visible escape. All plain output goes here."""

from __future__ import annotations

import json
import re
import sys
from typing import Final, TextIO

INVISIBLE: Final = (
    # Default_Ignorable_Code_Point, of which bidi controls are a part (Unicode 16, DerivedCoreProperties.txt)
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
    # other format controls that show nothing (General_Category Cf, UnicodeData.txt), and line ends
    "\u2028\u2029\ufff9-\ufffb\U00013430-\U0001343f"
    # letters and symbols that are blank by their names: Braille, null notehead, hieroglyphs, Khitan filler
    "\u2800\U0001d159\U00013441\U00013442\U00016fe4"
)
"""What nobody sees, or what reorders what one sees, for a class of a regular expression; spaces are not among it."""
UNSAFE: Final = rf"\x00-\x1f\x7f-\x9f\ud800-\udfff{INVISIBLE}"
"""That, C0 with ESC, DEL, C1 with the one-byte CSI and OSC, and lone surrogates, which no encoding takes."""
_UNSAFE_CHARACTER: Final = re.compile(f"[{UNSAFE}]")


def visible(text: str, *, keeps: str = "\n\t") -> str:
    r"""Return the text with an escape such as `\x1b` for every character that acts on a terminal or reorders text.

    `keeps` are the control characters that stay as they are; give "" where the text must remain one line.
    """
    return _UNSAFE_CHARACTER.sub(lambda found: found[0] if found[0] in keeps else _escape(found[0]), text)


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
