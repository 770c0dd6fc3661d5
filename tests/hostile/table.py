"""A run's results as a table: each attack beside the calm."""

from __future__ import annotations

from hostile.judgement import Observed, most_mb
from hostile.trial import Outcome, Result

from observability.terminal import Console, Table, Text

_WIDTH = 150


def console() -> Console:
    """Return a console that is wide enough for the table, also in the log of a machine."""
    return Console(width=_WIDTH)


def line(result: Result) -> Text:
    """Return one result as a line."""
    verdict = "; ".join([_verdict(result), *result.faults])
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
    table.add_column("memory in MB")
    table.add_column("verdict")
    for result in outcome.results:
        table.add_row(*_row(result), style="red" if result.faults else None)
    return table


def _row(result: Result) -> list[Text]:
    seen = result.seen
    p99_ms = [str(value if value is not None else "-") for value in seen.latencies.p99_ms().values()]
    cells = [
        result.name, result.attack.surface if result.attack else "-", str(len(seen.latencies.broker)), *p99_ms,
        str(sum(seen.restarts.values())), str(len(seen.standing)), _memory(seen), _verdict(result),
    ]  # fmt: skip
    return [Text(cell) for cell in cells]


def _memory(seen: Observed) -> str:
    """Return the program that came nearest to what it may take."""
    name = max(seen.peak_mb, key=lambda one: seen.peak_mb[one] / most_mb(seen, one), default=None)
    return "-" if name is None else f"{name} {seen.peak_mb[name]} of {most_mb(seen, name)}"


def _verdict(result: Result) -> str:
    return "harm" if result.faults else "held"
