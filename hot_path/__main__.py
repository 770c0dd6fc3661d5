"""The command line of the hot path: `hot-path run`, `hot-path rules check FILE`."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import uvloop
from pydantic import BaseModel, ConfigDict
from pydantic_settings import BaseSettings, CliApp, CliPositionalArg, CliSubCommand, SettingsConfigDict, get_subcommand

from contracts.errors import InvalidInput
from hot_path.app import HotPath, build
from hot_path.preflight import await_broker
from hot_path.rule_table import rule_table
from hot_path.settings import HotPathSettings
from observability.plain_text import print_line
from observability.program import run, run_to_end
from observability.status import serve_status
from rules import load_rules

log = logging.getLogger("hot_path")
GARBAGE = (50_000, 20, 50)
"""Collect every 50,000 allocations, not every 700: a chunk's records come and go by the thousand, without cycles."""


class Check(BaseModel):
    """Check a rule file: print its rules, or name the rule and the line to mend (exit code 2)."""

    model_config = ConfigDict(extra="forbid")

    file: CliPositionalArg[Path]


class RulesCommand(BaseModel):
    """Work with rule files."""

    model_config = ConfigDict(extra="forbid")

    check: CliSubCommand[Check]


class Command(BaseSettings):
    """The hot path: which car needs attention, within milliseconds."""

    model_config = SettingsConfigDict(
        cli_prog_name="hot-path", cli_kebab_case=True, cli_implicit_flags=True, extra="forbid"
    )

    run: CliSubCommand[HotPathSettings]
    rules: CliSubCommand[RulesCommand]


async def serve(settings: HotPathSettings, *, build: Callable[[HotPathSettings], HotPath] = build) -> None:
    """Run the hot path until SIGTERM or SIGINT. Raises Unavailable, InvalidInput, and whatever ends it."""
    for library in ("faust", "mode", "aiokafka", "hot_path.transport", "hot_path.table"):
        logging.getLogger(library).setLevel(logging.WARNING)
    # Calls it an error that the coordinator of a new group is being found.
    logging.getLogger("aiokafka.consumer.group_coordinator").setLevel(logging.CRITICAL)
    gc.set_threshold(*GARBAGE)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    hot_path = build(settings)
    if settings.status_port >= 0:
        server = serve_status(settings.status_port, is_ready=hot_path.worker.is_ready)
        log.info("status served", extra={"port": server.server_port})
    await await_broker(settings)
    try:
        await hot_path.start()
        await hot_path.run_until(stop)
    finally:
        await hot_path.stop()


def _main() -> None:
    chosen = get_subcommand(CliApp.run(Command, cli_cmd_method_name="_none"), is_required=False)
    if isinstance(chosen, RulesCommand):
        chosen = get_subcommand(chosen, is_required=False)
    match chosen:
        case HotPathSettings():
            run_to_end(serve(chosen), loop_factory=uvloop.new_event_loop)
        case Check(file=file):
            print_line(rule_table(load_rules(file)))
        case _:
            raise InvalidInput("say what: `hot-path run` or `hot-path rules check FILE`; `hot-path --help` tells more")


def main() -> None:
    """Run the program."""
    sys.exit(run("hot-path", _main))


if __name__ == "__main__":
    main()
