"""Errors of the API, below those that all programs share."""

from __future__ import annotations

from contracts.errors import ConnectedCarsError


class Unknown(ConnectedCarsError):
    """What a path names does not exist (404). The message says what, and where to look."""


class TooMany(ConnectedCarsError):
    """Somebody holds as much as anybody may (429). The message says of what, how many, and the setting."""


class Refused(ConnectedCarsError):
    """What is asked contradicts the state of things (409). The message says why, and what would be accepted."""
