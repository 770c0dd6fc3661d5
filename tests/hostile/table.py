"""A run's results as a table: each attack beside the calm."""

from __future__ import annotations

from hostile.judgement import Observed
from hostile.trial import Outcome, Result
from rich.console import Console
from rich.table import Table
from rich.text import Text

_WIDTH = 150


def console() -> Console:
    """Give a console that is wide enough for the table, also in the log of a machine."""
    return Console(width=_WIDTH)


def line(result: Result) -> Text:
    """Give one result as it comes."""
    verdict = "; ".join(result.faults) or "held"
    return Text(f"{result.name} ({result.seconds:.0f} s): {verdict}", style="red" if result.faults else "green")


def table(outcome: Outcome, *, seed: int) -> Table:
    """Lay all results out, the calm first."""
    table = Table(
        title=f"Attacks on a running stack, seed {seed}; p99 in ms from a reading at the broker", width=_WIDTH
    )
    for name in ("attack", "on"):
        table.add_column(name)
    for name in ("alerts", "broker", "stream", "webhook", "restarts", "stand"):
        table.add_column(name, justify="right")
    table.add_column("memory grew most")
    table.add_column("verdict", ratio=1)
    for result in outcome.results:
        table.add_row(*_row(result), style="red" if result.faults else None)
    return table


def _row(result: Result) -> list[Text]:
    seen = result.seen
    p99_ms = [str(value if value is not None else "-") for value in seen.latencies.p99_ms().values()]
    cells = [
        result.name, result.attack.surface if result.attack else "-", str(len(seen.latencies.broker)), *p99_ms,
        str(sum(seen.restarts.values())), str(len(seen.standing)), _growth(seen), "; ".join(result.faults) or "held",
    ]  # fmt: skip
    return [Text(cell) for cell in cells]


def _growth(seen: Observed) -> str:
    grown = {name: mb - seen.calm_mb.get(name, mb) for name, mb in seen.peak_mb.items()}
    name = max(grown, key=lambda one: grown[one], default="-")
    return f"{name} {grown.get(name, 0):+d} MB"
