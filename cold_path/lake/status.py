"""What the lake holds, for people as tables and for programs as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from deltalake import DeltaTable

from cold_path.lake.table import Lake
from cold_path.lake.upkeep import small_files
from contracts.errors import InvalidInput
from observability.plain_text import json_line
from observability.terminal import Table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class LakeStatus:
    """The lake at its newest version; `covered` is by partition the first offset that it does not cover."""

    folder: str
    version: int
    topic: str
    rows: int
    outcomes: dict[str, int]
    covered: dict[int, int]
    lost: dict[str, tuple[int, int]]
    """Ranges that had expired at the broker before the last ingest, end exclusive."""
    latest_ms: int
    files: int
    small_files: int
    size_bytes: int
    rows_by_day: dict[str, int]

    def as_json(self) -> str:
        """Give one object."""
        return json_line(asdict(self))

    def tables(self) -> Iterator[Table]:
        """Give what a person reads."""
        latest = datetime.fromtimestamp(self.latest_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
        facts = Table("what", "value", title=f"lake {self.folder}")
        facts.add_row("version", str(self.version))
        facts.add_row("filled from topic", self.topic)
        facts.add_row("latest record", f"{latest} UTC")
        facts.add_row("files", f"{self.files:,} ({self.small_files:,} small)")
        facts.add_row("size", f"{self.size_bytes / 1e6:,.1f} MB")
        facts.add_row("rows", f"{self.rows:,}")
        for outcome, rows in sorted(self.outcomes.items()):
            facts.add_row(f"  {outcome}", f"{rows:,}")
        for partition, offset in sorted(self.covered.items()):
            facts.add_row(f"covered, partition {partition}", f"{offset:,}")
        for lost_of, (first, end) in self.lost.items():
            facts.add_row(f"lost, partition {lost_of}", f"{first:,} to {end - 1:,}")
        yield facts
        days = Table("day of the trips", "rows")
        for day, rows in sorted(self.rows_by_day.items()):
            days.add_row(day, f"{rows:,}")
        yield days


def lake_status(folder: Path) -> LakeStatus:
    """Look at a lake. Raises InvalidInput when there is none, MalformedRecord when rows and ledger differ."""
    lake = Lake(folder)
    survey = lake.refresh()
    if lake.state is None or lake.entry is None:
        raise InvalidInput(f"{folder} holds no lake; `cold-path run` makes one, or name its folder with --lake")
    actions = DeltaTable(str(folder), version=lake.state.version).get_add_actions(flatten=True)
    by_day: dict[str, int] = {}
    days, records = actions.column("partition.day").to_pylist(), actions.column("num_records").to_pylist()
    for day, rows in zip(days, records, strict=True):
        by_day[str(day)] = by_day.get(str(day), 0) + rows
    return LakeStatus(
        folder=str(folder),
        version=lake.state.version,
        topic=lake.entry.topic,
        rows=survey.rows,
        outcomes=dict(survey.outcomes),
        covered=lake.covered,
        lost=lake.entry.lost,
        latest_ms=survey.latest_ms,
        files=len(lake.state.files),
        small_files=small_files(lake).total(),
        size_bytes=sum(actions.column("size_bytes").to_pylist()),
        rows_by_day=by_day,
    )
