from __future__ import annotations

from cold_path.verification.alerts import AlertEvent, Event, compared, heard
from contracts.alert import Alert
from contracts.codec import encode
from contracts.partitioning import partition_of_key
from contracts.record import Record
from contracts.topics import ENGINE_ALERTS, READING_PARTITIONS


def events(*given: AlertEvent) -> dict[Event, AlertEvent]:
    return {event.event: event for event in given}


def an_event(name: str = "a", *, offset: int = 5, partition: int = 0, rules: str = "r", **more: bool) -> AlertEvent:
    return AlertEvent((name, 1), "silence" if more else "hot", "raised", partition, offset, rules, **more)


def test_alerts_are_compared_below_what_both_have_judged() -> None:
    hot, history = events(an_event("a"), an_event("b", offset=9)), events(an_event("a"), an_event("c", offset=8))
    found = compared(hot, history, bounds={0: 8}, rules_hash="r")
    assert found.is_equal
    assert found.compared == 1
    wider = compared(hot, history, bounds={0: 10}, rules_hash="r")
    assert [event.event[0] for event in wider.missed] == ["c"]
    assert [event.event[0] for event in wider.surplus] == ["b"]


def test_a_partition_with_alerts_by_other_rules_says_nothing() -> None:
    hot = events(an_event("a", rules="older"), an_event("b", partition=1))
    found = compared(hot, events(an_event("c"), an_event("b", partition=1)), bounds={0: 9, 1: 9}, rules_hash="r")
    assert (found.compared, found.is_equal) == (1, True)


def test_silence_is_left_out_since_history_does_not_wait() -> None:
    assert compared(events(an_event(is_timed=True)), {}, bounds={0: 9}, rules_hash="r").compared == 0


def test_repeated_events_count_once_and_broken_ones_not_at_all() -> None:
    vin = "1HGCM82633A004352"
    home = partition_of_key(vin.encode(), READING_PARTITIONS)
    alert = Alert("a", 1, vin, "hot", "r", "info", "raised", 1, 1, 1, home, 7, "")
    values = [encode(alert), encode(alert), b"{", None]
    records = [Record(ENGINE_ALERTS.name, home, at, 1, vin.encode(), value) for at, value in enumerate(values)]
    [event] = heard(records, {home: 8}).values()
    assert (event.partition, event.offset, event.is_timed) == (home, 7, False)
    assert heard(records, {home: 7}) == {}
