"""The folders that a run writes: made, or refused by name, before anything starts that would fail in them later."""

from __future__ import annotations

import os
from pathlib import Path

from contracts.errors import InvalidInput


def made(folder: Path, *, flag: str) -> Path:
    """Give the folder, made when it is not there. Raises InvalidInput when it cannot be written; `flag` names it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _refused(folder, error.strerror, flag) from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise _refused(folder, "no permission, or mounted to be read only", flag)
    return folder


def _refused(folder: Path, why: str | None, flag: str) -> InvalidInput:
    return InvalidInput(f"{folder} cannot be written ({why}): take a folder that can be, with {flag}")
