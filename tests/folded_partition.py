"""One partition of readings in the rules' tests: folded, from the beginning or over a restart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import count
from typing import Any

from demanding import PARTITION
from disturbed import Record
from driving import REGISTERED, RULES, START_MS, VIN, a_reading

from contracts.alert import Alert
from contracts.plausibility import believe
from contracts.reading import Reading
from contracts.vehicle_state import VehicleState
from rules.limits import HOUR_MS
from rules.partition import PartitionFold
from rules.written import restored


class Partition:
    """Folds readings that are received at the time given, and counts their offsets."""

    def __init__(self, rules: Any = RULES) -> None:
        self.fold = PartitionFold(PARTITION, rules, registry={VIN: REGISTERED})
        self.offsets = count()

    def take(self, readings: Iterable[Reading], *, at_ms: int = START_MS + 30 * HOUR_MS) -> list[Alert]:
        alerts = list(self.fold.advance(at_ms))
        for reading in readings:
            alerts += self.fold.fold(reading, next(self.offsets), at_ms)
        return alerts

    def state(self, vin: str = VIN) -> VehicleState:
        return self.fold.states[vin]


def newcomers(vins: Iterable[str], *, second: int = 0, **signals: Any) -> Iterator[Reading]:
    for vin in vins:
        reading = a_reading(second, **signals)
        reading.vehicle_id = vin
        yield reading


def events(alerts: list[Alert]) -> list[tuple[str, int, str]]:
    """Return what was told, in an order that does not depend on when a silence was found."""
    return sorted((alert.alert_id, alert.change, alert.state) for alert in alerts)


def folded(records: list[Record], rules: Any) -> tuple[PartitionFold, list[Alert]]:
    fold = PartitionFold(PARTITION, rules, registry={})
    return fold, caused(fold, records)


def restarted(records: list[Record], *, marked: int, written: int) -> tuple[list[Alert], PartitionFold]:
    """Fold with a kill after the states of `written` records were written, of which the mark knows `marked`."""
    first, told = folded(records[:marked], RULES)
    before = [*first.drain(100), first.mark(marked)]
    told += caused(first, records[marked:written])
    states, mark = restored([*before, *first.drain(100)])
    second = PartitionFold(PARTITION, RULES, registry={}, states=states, mark=mark)
    return told + caused(second, records[max(0, marked - 9) :]), second


def caused(fold: PartitionFold, records: list[Record]) -> list[Alert]:
    alerts: list[Alert] = []
    for record in records:
        alerts += fold.advance(record.received_at_ms)
        reading, _ = believe(record.value, record.partition, record.received_at_ms)
        alerts += fold.fold(reading, record.offset, record.received_at_ms)
    return alerts


def rules_told(alerts: list[Alert]) -> Counter[tuple[str, str]]:
    """Count the alerts by rule and state."""
    return Counter((alert.rule, alert.state) for alert in alerts)
