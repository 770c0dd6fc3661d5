"""Every error that the programs share, as one tree.

ConnectedCarsError
├── MalformedReading      a record is no reading, or one that cannot be believed
├── MalformedRecord       a record on one of the project's own topics or files does not decode or cannot be true
├── InvalidInput          a file, flag or setting given by a person is wrong (exit code 2)
│   └── InvalidRules      the rule file, with rule and line
├── SnapshotRefused       a dashcam picture that must not be sent: too large, or no JPEG
└── Unavailable           something the program needs does not answer (exit code 3)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Literal

    from contracts.reason import Reason

    Flaw = Literal["shape", "size", "key", "partition", "offset", "time", "figures", "topic"]


class ConnectedCarsError(Exception):
    """The root: everything the project raises on purpose."""


class MalformedReading(ConnectedCarsError):
    """A record that is no reading, or a reading that cannot be true; it belongs to `rejected-readings`."""

    def __init__(self, reason: Reason, detail: str) -> None:
        """Keep the closed `reason` (a metric label) beside the open `detail` (for a person)."""
        super().__init__(f"{reason}: {detail}")
        self.reason: Reason = reason
        self.detail = detail


class MalformedRecord(ConnectedCarsError):
    """A record or file written by one of the programs does not decode, or says what cannot be true of its place."""

    def __init__(self, message: str, *, flaw: Flaw = "shape") -> None:
        """Keep the closed `flaw`, by which equal ones are told once, beside the message for a person."""
        super().__init__(message)
        self.flaw: Flaw = flaw


class InvalidInput(ConnectedCarsError):
    """What a person gave cannot be used. The message names what, where and the remedy; programs exit with 2."""


class InvalidRules(InvalidInput):
    """The rule file does not compile. The message names file, line, rule and the remedy."""


class SnapshotRefused(ConnectedCarsError):
    """A picture that its producer must not send. The message names the car, the size and the remedy."""


class Unavailable(ConnectedCarsError):
    """Something the program needs does not answer within its bounded wait; programs exit with 3."""
