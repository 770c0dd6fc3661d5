"""The command line `gateway`."""

from __future__ import annotations

import sys

from contracts.errors import InvalidInput
from observability.program import run


def main() -> None:
    """Run the program and exit with its code."""
    sys.exit(run("gateway", _main))


def _main() -> int:
    raise InvalidInput("nothing to run yet")
