"""The command line of the simulator: `simulator run`, `history`, `replay FILE…`, `score`."""

from __future__ import annotations

import logging
import sys

import uvloop
from pydantic_settings import BaseSettings, CliApp, CliSubCommand, SettingsConfigDict, get_subcommand

from contracts.errors import InvalidInput
from observability.plain_text import print_error
from observability.program import BAD_INPUT, run, run_to_end
from observability.terminal import Console
from simulator import report
from simulator.live.driver import drive
from simulator.past.past_days import write_history
from simulator.replay.replaying import replay
from simulator.scoring.score import score
from simulator.settings import HistorySettings, ReplaySettings, RunSettings, ScoreSettings


class Command(BaseSettings):
    """The fleet: cars whose readings look like those of real ones."""

    model_config = SettingsConfigDict(
        cli_prog_name="simulator", cli_kebab_case=True, cli_implicit_flags=True, extra="forbid"
    )

    run: CliSubCommand[RunSettings]
    history: CliSubCommand[HistorySettings]
    replay: CliSubCommand[ReplaySettings]
    score: CliSubCommand[ScoreSettings]


def _main() -> int:
    # What fails comes back as an exception and is told in one line; a line a retry would bury it.
    for library in ("aiokafka", "mqtt"):
        logging.getLogger(library).setLevel(logging.CRITICAL)
    chosen = get_subcommand(CliApp.run(Command, cli_cmd_method_name="_nothing"), is_required=False)
    console = Console()
    match chosen:
        case RunSettings():
            report.show_run(
                run_to_end(drive(chosen), loop_factory=uvloop.new_event_loop), console, as_json=chosen.json_
            )
            return 0
        case HistorySettings():
            report.show_history(uvloop.run(write_history(chosen, console)), console, as_json=chosen.json_)
            return 0
        case ReplaySettings():
            trips, complaints = uvloop.run(replay(chosen, console))
            report.show_replay(trips, console, as_json=chosen.json_)
            for complaint in complaints:
                print_error(f"simulator: {complaint}")
            return BAD_INPUT if complaints else 0
        case ScoreSettings():
            scored = uvloop.run(score(chosen))
            report.show_score(scored, console, as_json=chosen.json_, minimum_recall=chosen.minimum_recall)
            return 1 if scored.is_under(chosen.minimum_recall) else 0
        case _:
            raise InvalidInput(
                "say what: `simulator run`, `history`, `replay FILE…` or `score`; `simulator --help` tells more"
            )


def main() -> None:
    """Run the program."""
    sys.exit(run("simulator", _main))


if __name__ == "__main__":
    main()
