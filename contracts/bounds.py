"""How long texts and how large numbers may be in what programs write for each other: every store can hold them.

Far beyond what an honest program writes. A record that exceeds one does not decode.
"""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta

LARGEST_INTEGER: Final = 2**53 - 1
"""The largest integer that every JSON reader keeps exact (RFC 8259, section 6)."""

Count = Annotated[int, Meta(ge=0, le=LARGEST_INTEGER)]
SmallCount = Annotated[int, Meta(ge=0, le=2**31 - 1)]
"""Fits a column of 32 bits."""
SmallNumber = Annotated[int, Meta(ge=1, le=2**31 - 1)]
"""As above, of what there is at least one."""
Name = Annotated[str, Meta(max_length=250)]
"""Of a rule, a topic, a person, a fleet; a hash, an id."""
Text = Annotated[str, Meta(max_length=4_000)]
"""Written for people."""
