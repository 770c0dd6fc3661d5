"""What the proof found, for people as a table and for programs as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Final

from observability.plain_text import json_line
from observability.terminal import Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cold_path.source.offsets import Offsets
    from cold_path.verification.alerts import AlertComparison
    from cold_path.verification.comparison import Comparison
    from cold_path.verification.ranking import RankingComparison
    from cold_path.verification.totals import Totals
    from cold_path.verification.uncommitted import Uncommitted

SHOWN: Final = 10
"""Differences that are shown."""


@dataclass(frozen=True, slots=True)
class Report:
    """A comparison with what it was made from."""

    comparison: Comparison
    offsets: Offsets
    records: int
    rejected: int
    version: int | None
    files_equal: bool | None
    """Whether the store's batch trips are those of the published files; None when these are gone."""
    alerts: AlertComparison | None = None
    """The hot path's alerts against history's; None where the version has no history."""
    ranking: RankingComparison | None = None
    """The ranking that the API answered; None where it was not asked, or the store did not stand still for it."""
    uncommitted: Uncommitted | None = None
    """Rows of the lake that were never committed; None where the lake was not there to look."""
    alerts_held: Mapping[int, int] = field(default_factory=dict)
    """Partitions left out of the alerts' comparison, by the offset of `engine-alerts` that a transaction holds."""

    @property
    def differs(self) -> bool:
        """Tell whether anything that could be compared differs."""
        are_alike = all(found is None or found.is_equal for found in (self.alerts, self.ranking))
        return not (self.comparison.is_equal and self.files_equal is not False and are_alike)

    @property
    def is_proven(self) -> bool:
        """Tell whether enough of the readings were judged by the same rules and code in both paths."""
        return self.alerts is None or self.alerts.is_proven

    @property
    def is_equal(self) -> bool:
        """Tell whether everything agrees, and enough could be compared to say so."""
        return self.is_proven and not self.differs

    @property
    def explained(self) -> int:
        """The number of differing trips that uncommitted rows of the lake belong to."""
        trips = set() if self.uncommitted is None else self.uncommitted.trips
        return sum((one.vehicle_id, one.trip_started_at_ms) in trips for one in self.comparison.differences)

    def as_json(self) -> str:
        """Give one flat object, and the first differences."""
        found = self.comparison
        told: dict[str, object] = {
            "equal": self.is_equal,
            "proven": self.is_proven,
            "trips_compared": found.trips,
            "vehicles_compared": found.vehicles,
            "trips_differing": found.differing,
            "trips_missing": found.missing,
            "trips_extra": found.extra,
            "records": self.records,
            "records_rejected": self.rejected,
            "lake_records_uncommitted": None if self.uncommitted is None else self.uncommitted.records,
            "trips_differing_by_uncommitted": None if self.uncommitted is None else self.explained,
            "alert_partitions_held": {str(at): offset for at, offset in sorted(self.alerts_held.items())},
            "batch_view_version": self.version,
            "store_equals_files": self.files_equal,
            "alert_readings": None if self.alerts is None else self.alerts.readings,
            "alert_readings_compared": None if self.alerts is None else self.alerts.readings_compared,
            "alerts_compared": None if self.alerts is None else self.alerts.compared,
            "alerts_missed": None if self.alerts is None else len(self.alerts.missed),
            "alerts_surplus": None if self.alerts is None else len(self.alerts.surplus),
            "places_compared": None if self.ranking is None else self.ranking.compared,
            "places_differing": None if self.ranking is None else len(self.ranking.differences),
            "offsets": {str(partition): offset for partition, offset in sorted(self.offsets.items())},
            "differences": [asdict(difference) for difference in found.differences[:SHOWN]],
        }
        return json_line(told)

    def tables(self) -> Iterator[Table]:
        """Give what a person reads."""
        yield self._figures()
        if self.comparison.differences:
            yield self._differences()
        if self.uncommitted is not None and self.uncommitted.records:
            yield self._uncommitted(self.uncommitted)
        if self.alerts is not None and not self.alerts.is_equal:
            yield self._alerts(self.alerts)
        if self.ranking is not None and not self.ranking.is_equal:
            yield self._places(self.ranking)

    def _verdict(self) -> str:
        if self.differs:
            return "NOT EQUAL"
        return "equal" if self.is_proven else "not proven: less than half of the readings were judged by these rules"

    def _figures(self) -> Table:
        found = self.comparison
        table = Table("", "merged", "recomputed", title=self._verdict())
        for name in ("distance_m", "fuel_ml", "idle_s"):
            table.add_row(name, f"{getattr(found.merged_sums, name):,}", f"{getattr(found.recomputed_sums, name):,}")
        table.add_section()
        counts = {
            "trips compared": found.trips,
            "differing": found.differing,
            "missing": found.missing,
            "extra": found.extra,
            "vehicles": found.vehicles,
            "records": self.records,
            "rejected": self.rejected,
        }
        if self.uncommitted is not None:
            counts |= {"in the lake, never committed": self.uncommitted.records}
        if self.alerts is not None:
            counts |= {"readings compared for alerts": self.alerts.readings_compared, "of": self.alerts.readings}
            counts |= {"alert events compared": self.alerts.compared}
            counts |= {"missed by the hot path": len(self.alerts.missed), "surplus": len(self.alerts.surplus)}
        if self.ranking is not None:
            counts |= {"places in the ranking": self.ranking.compared, "wrong": len(self.ranking.differences)}
        for label, count in counts.items():
            table.add_row(label, f"{count:,}", "")
        for partition, offset in sorted(self.alerts_held.items()):
            table.add_row(f"alerts not compared, partition {partition}", f"held from {offset:,}", "")
        table.add_row("version", str(self.version), "")
        table.add_row("store = files", str(self.files_equal), "")
        table.add_row("offsets", " ".join(str(offset) for _, offset in sorted(self.offsets.items())), "")
        return table

    def _uncommitted(self, found: Uncommitted) -> Table:
        shares = f"{self.explained} of {len(self.comparison.differences)} differing trips have some"
        title = (
            f"records of aborted transactions or refused batches in the lake: {shares}; a new --lake is without them"
        )
        table = Table("partition", "records", "first offset", "last offset", title=title)
        for partition, span in sorted(found.spans.items()):
            table.add_row(str(partition), *(f"{number:,}" for number in span))
        return table

    def _alerts(self, found: AlertComparison) -> Table:
        table = Table("", "alert", "change", "rule", "state", "reading", title="alerts that one path alone raised")
        for what, events in (("missed", found.missed), ("surplus", found.surplus)):
            for one in events[:SHOWN]:
                place = f"partition {one.partition}, offset {one.offset}"
                table.add_row(what, one.event[0], str(one.event[1]), one.rule, one.state, place)
        return table

    def _places(self, found: RankingComparison) -> Table:
        columns = ("rank", "vehicle", "trips", "metres", "millilitres")
        table = Table("", *columns, title=f"the first of {len(found.differences)} places that are not the same")
        for answered, recomputed in found.differences[:SHOWN]:
            for side, place in (("answered", answered), ("recomputed", recomputed)):
                table.add_row(side, *(["absent"] if place is None else map(str, place)))
        return table

    def _differences(self) -> Table:
        shown = self.comparison.differences[:SHOWN]
        title = f"the first {len(shown)} of {len(self.comparison.differences)} differences (distance, fuel, idle)"
        table = Table("vehicle", "trip began (ms)", "merged", "recomputed", title=title)
        for difference in shown:
            started = str(difference.trip_started_at_ms)
            table.add_row(difference.vehicle_id, started, _told(difference.merged), _told(difference.recomputed))
        return table


def _told(totals: Totals | None) -> str:
    return "absent" if totals is None else " ".join("-" if counter is None else str(counter) for counter in totals)
