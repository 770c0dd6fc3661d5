"""The command line of the cold path."""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from typing import TYPE_CHECKING

from pydantic_settings import CliApp, get_subcommand
from rich.console import Console

from cold_path.settings import ColdPath, Run, Verify
from observability.program import run

if TYPE_CHECKING:
    from collections.abc import Callable


def main() -> None:
    """Run the program and exit with its code."""
    sys.exit(run("cold-path", _main))


def _main() -> int:
    asked = get_subcommand(CliApp.run(ColdPath, cli_exit_on_error=True))
    if isinstance(asked, Verify):
        return _verify(asked)
    assert isinstance(asked, Run)  # noqa: S101 - there are two
    # Here, since Spark takes a second to import and `verify` and `--help` need none of it.
    from cold_path.operation.resident import reside  # noqa: PLC0415

    clock: Callable[[], float] = time.time  # noqa: TID251 - the program's clock
    return reside(asked, now_s=clock)


def _verify(asked: Verify) -> int:
    from cold_path.verification.verify import verify  # noqa: PLC0415 - as above, pyarrow is not small

    logging.getLogger("aiokafka").setLevel(logging.WARNING)
    report = asyncio.run(verify(asked))
    if asked.as_json:
        print(report.as_json())
    else:
        console = Console()
        for table in report.tables():
            console.print(table)
    return 0 if report.is_equal else 1


if __name__ == "__main__":
    main()
