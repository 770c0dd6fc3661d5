from __future__ import annotations

import random

import pytest
from both_paths import HotPath, recomputed
from disturbed import Record, disturbed_stream, fleet
from driving import RULES

from contracts.alert import Alert

FLEET = fleet(12)


def hot_path(records: list[Record], *, flush_every: int = 500) -> HotPath:
    return HotPath(RULES, FLEET).read(records, flush_every=flush_every)


@pytest.mark.parametrize("seed", range(5))
def test_totals_equal_a_recomputation_from_the_raw_bytes(seed: int) -> None:
    records = disturbed_stream(seed)
    assert hot_path(records).trips == recomputed(records)


@pytest.mark.parametrize("flush_every", [1, 7, 100_000])
def test_totals_do_not_depend_on_when_states_are_written(flush_every: int) -> None:
    records = disturbed_stream(1)
    assert hot_path(records, flush_every=flush_every).trips == recomputed(records)


def test_alerts_do_not_depend_on_how_partitions_interleave() -> None:
    records = disturbed_stream(2)
    by_partition = sorted(records, key=lambda record: (record.partition, record.offset))
    assert identities(hot_path(records).alerts) == identities(hot_path(by_partition).alerts)
    assert identities(hot_path(records).alerts)


def test_a_repeated_stretch_of_the_stream_changes_nothing() -> None:
    records = disturbed_stream(3)
    rng = random.Random(3)
    at = rng.randrange(len(records) // 2)
    again = [*records[: at + 500], *records[at:]]
    once, twice = hot_path(records), hot_path(again)
    assert twice.trips == once.trips
    assert identities(twice.alerts) == identities(once.alerts)
    assert len(twice.alerts) == len(once.alerts)


def test_damaged_records_change_nothing_but_the_clock() -> None:
    records = disturbed_stream(4)
    good = [record for record in records if record.value.startswith(b'{"vehicle_id":"1HGCM82633A0000')]
    assert len(good) < len(records)
    assert hot_path(good).trips == hot_path(records).trips


def identities(alerts: list[Alert]) -> set[tuple[str, int, str]]:
    return {(alert.alert_id, alert.change, alert.state) for alert in alerts}
