from __future__ import annotations

from collections.abc import Iterator

import pytest
from demanding import PARTITION, demanding_stream
from disturbed import Record

from cold_path.verification.alerts import AlertComparison, AlertEvent, Event, Pair, compared, heard
from cold_path.verification.continued import StatesAtChange
from contracts.alert import Alert
from contracts.codec import decode, encode
from contracts.partitioning import partition_of_key
from contracts.plausibility import believe
from contracts.record import Record as KafkaRecord
from contracts.topics import ENGINE_ALERTS, READING_PARTITIONS
from contracts.vehicle_state import MARK_PREFIX, Mark
from rules import default_rules_file, load_rules
from rules.partition import PartitionFold
from rules.rule import FOLD_VERSION
from rules.written import restored

PAIR = Pair("r", 2)
RULES = load_rules(default_rules_file())


def events(*given: AlertEvent) -> dict[Event, AlertEvent]:
    return {event.event: event for event in given}


def an_event(name: str = "a", *, offset: int = 5, partition: int = 0, pair: Pair = PAIR, **more: bool) -> AlertEvent:
    return AlertEvent((name, 1), "silence" if more else "hot", "raised", partition, offset, pair, **more)


def test_alerts_are_compared_below_what_both_have_judged() -> None:
    hot, history = events(an_event("a"), an_event("b", offset=9)), events(an_event("a"), an_event("c", offset=8))
    found = compared(hot, history, spans={0: (0, 8)}, pair=PAIR)
    assert found.is_equal
    assert found.compared == 1
    wider = compared(hot, history, spans={0: (0, 10)}, pair=PAIR)
    assert [event.event[0] for event in wider.missed] == ["c"]
    assert [event.event[0] for event in wider.surplus] == ["b"]


@pytest.mark.parametrize("older", [Pair("older", 2), Pair("r", 1)])
def test_what_other_rules_or_another_fold_have_judged_is_left_out(older: Pair) -> None:
    hot = events(an_event("a", pair=older), an_event("b", offset=7))
    found = compared(hot, events(an_event("c"), an_event("b", offset=7)), spans={0: (6, 9)}, pair=PAIR)
    assert (found.compared, found.is_equal, found.readings_compared) == (1, True, 3)


@pytest.mark.parametrize(("some", "proven"), [(49, False), (50, True), (100, True)])
def test_equal_is_proven_only_where_half_of_the_readings_could_be_compared(some: int, *, proven: bool) -> None:
    assert AlertComparison(0, (), (), readings=100, readings_compared=some).is_proven is proven


def test_silence_is_left_out_since_history_does_not_wait() -> None:
    assert compared(events(an_event(is_timed=True)), {}, spans={0: (0, 9)}, pair=PAIR).compared == 0


def test_repeated_events_count_once_and_broken_ones_not_at_all() -> None:
    vin = "1HGCM82633A004352"
    home = partition_of_key(vin.encode(), READING_PARTITIONS)
    alert = Alert("a", 1, vin, "hot", "r", "info", "raised", 1, 1, 1, home, 7, "")
    values = [encode(alert), encode(alert), b"{", None]
    records = [KafkaRecord(ENGINE_ALERTS.name, home, at, 1, vin.encode(), value) for at, value in enumerate(values)]
    [event] = heard(records, {home: 8}).values()
    assert (event.partition, event.offset, event.pair, event.is_timed) == (home, 7, Pair("r", 1), False)
    assert heard(records, {home: 7}) == {}


def told(fold: PartitionFold, records: list[Record]) -> list[tuple[str, int]]:
    alerts: list[Alert] = []
    for record in records:
        alerts += fold.advance(record.received_at_ms)
        reading, _ = believe(record.value, record.partition, record.received_at_ms)
        alerts += fold.fold(reading, record.offset, record.received_at_ms)
    return sorted((alert.alert_id, alert.change) for alert in alerts)


def by_an_older_fold(written: Iterator[tuple[bytes, bytes]]) -> Iterator[tuple[bytes, bytes]]:
    """Write marks as version 0.1 did."""
    for key, value in written:
        is_mark = key.startswith(MARK_PREFIX)
        mark = decode(value, Mark) if is_mark else None
        old = mark and Mark(mark.partition, mark.next_offset, mark.received_at_ms, mark.rules_hash)
        yield key, encode(old) if old else value


def written_over_a_change(
    records: list[Record], change: int
) -> tuple[list[tuple[bytes, bytes]], list[tuple[str, int]]]:
    """Return what an older worker and a newer one write, and the alerts of the newer one."""
    older = PartitionFold(PARTITION, RULES, registry={})
    told(older, records[:change])
    topic = [*by_an_older_fold(iter([*older.drain(older.unwritten), older.mark(change)]))]
    states, mark = restored(topic)
    newer = PartitionFold(PARTITION, RULES, registry={}, states=states, mark=mark)
    alerts = told(newer, records[change:])
    return [*topic, *newer.drain(newer.unwritten), newer.mark(len(records))], alerts


def test_history_goes_on_from_the_states_at_which_another_fold_began() -> None:
    records, pair = demanding_stream(3), Pair(RULES.hash, FOLD_VERSION)
    for change in range(40, len(records), 200):
        topic, alerts = written_over_a_change(records, change)
        at_change = StatesAtChange(pair, change)
        for offset, (key, value) in enumerate(topic):
            at_change.take(offset, key, value)
        fold = at_change.fold(PARTITION, RULES, {})
        assert fold is not None
        assert told(fold, records[change:]) == alerts


def test_states_that_were_compacted_since_prove_nothing() -> None:
    records = demanding_stream(3)
    topic, _ = written_over_a_change(records, 40)
    at_change = StatesAtChange(Pair(RULES.hash, FOLD_VERSION), 40)
    for offset, (key, value) in enumerate(topic):
        if offset != 0:
            at_change.take(offset, key, value)
    assert at_change.fold(PARTITION, RULES, {}) is None
