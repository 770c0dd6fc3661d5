"""The command line of the cold path."""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from typing import TYPE_CHECKING

from pydantic_settings import CliApp, get_subcommand

from cold_path.settings import Backtest, ColdPath, LakeCommand, Run, Verify, ViewsCommand
from observability.plain_text import print_line
from observability.program import run
from observability.terminal import Console

if TYPE_CHECKING:
    from collections.abc import Callable

# Commands import what they need when they are asked: Spark takes a second, and `--help` needs none of it.


def main() -> None:
    """Run the program and exit with its code."""
    sys.exit(run("cold-path", _main))


def _main() -> int:
    clock: Callable[[], float] = time.time  # noqa: TID251 - the program's clock
    asked = get_subcommand(CliApp.run(ColdPath, cli_exit_on_error=True))
    if isinstance(asked, Verify):
        return _verify(asked)
    if isinstance(asked, Backtest):
        return _backtest(asked, clock)
    if isinstance(asked, (LakeCommand, ViewsCommand)):
        return _look(asked)
    assert isinstance(asked, Run)  # noqa: S101 - there are five
    from cold_path.operation.resident import reside  # noqa: PLC0415

    return reside(asked, now_s=clock)


_NOT_PROVEN = 4
"""Exit code where nothing differs, but too little could be compared to call it equal."""


def _verify(asked: Verify) -> int:
    from cold_path.verification.verify import verify  # noqa: PLC0415

    logging.getLogger("aiokafka").setLevel(logging.WARNING)
    report = asyncio.run(verify(asked))
    if asked.as_json:
        print_line(report.as_json())
    else:
        Console().print(*report.tables())
    if report.is_equal:
        return 0
    return 1 if report.differs else _NOT_PROVEN


def _backtest(asked: Backtest, clock: Callable[[], float]) -> int:
    from cold_path.backtest.backtest import backtest  # noqa: PLC0415

    for name in ("aiokafka", "py4j"):
        logging.getLogger(name).setLevel(logging.WARNING)
    console = Console(stderr=True)
    with console.status("folding history"):
        found = backtest(asked, now_s=clock)
    if asked.as_json:
        print_line(found.as_json())
    else:
        Console().print(found.table())
    return 0


def _look(asked: LakeCommand | ViewsCommand) -> int:
    from cold_path.operation.commands import lake_command, views_command  # noqa: PLC0415

    if isinstance(asked, LakeCommand):
        return lake_command(asked, Console())
    return views_command(asked, Console())


if __name__ == "__main__":
    main()
