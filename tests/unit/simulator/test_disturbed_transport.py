from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from contracts.codec import decode_reading
from contracts.errors import MalformedReading
from contracts.plausibility import believe
from simulator.faults.fault import Faults
from simulator.live.live_fleet import LiveFleet
from simulator.readings.columns import ReadingColumns
from simulator.readings.rows import ReadingRows
from simulator.settings import RunSettings
from simulator.transport.arrivals import DAMAGES, Transport
from simulator.transport.disturbances import Deliveries, Disturbances, Knob, deliveries
from simulator.trips.network import network
from simulator.trips.road_book import road_book
from simulator.vehicles.fleet import fleet

START_MS = 1_790_000_000_000
BOOK = road_book(network("denver", seed=1, segments=0), 1)
CARS = fleet(40, 1)
OWNER = dict(zip(CARS.vehicle_id.tolist(), CARS.partition.tolist(), strict=True))
SENT = START_MS + np.arange(20_000) * 100
HARSH = Disturbances(
    late=Knob(0.05, 1),
    duplicated=Knob(0.05, 2),
    reordered=Knob(0.1, 3),
    lost=Knob(0.05, 4),
    malformed=Knob(0.05, 5),
    clock_skew=Knob(20.0, 6),
    tunnel=Knob(20.0, 7),
)


def delivered(disturbances: Disturbances, *, ends_trip: bool = False) -> Deliveries:
    return deliveries(
        disturbances,
        vehicle_id=np.resize(CARS.vehicle_id, len(SENT)),
        sequence=np.arange(len(SENT)),
        sent_at_ms=SENT,
        ends_trip=np.full(len(SENT), ends_trip),
    )


def arrived(disturbances: Disturbances, *, ticks: int = 120) -> list[tuple[bytes, bytes]]:
    faults = Faults(len(CARS), per_vehicle_hour=0, growth_s=15, repair_s=60)
    live = LiveFleet(CARS, BOOK, seed=1, start_ms=START_MS, rate_hz=1, faults=faults)
    transport, rows = Transport(disturbances), ReadingRows(64)
    found: list[tuple[bytes, bytes]] = []

    def take(readings: ReadingColumns, until_ms: int) -> None:
        messages = rows.encode(transport.skewed(readings))
        sent_at_ms = readings.values["recorded_at_ms"]
        some = transport.carried(readings, messages, sent_at_ms=sent_at_ms, until_ms=until_ms)
        found.extend(zip(some.keys, some.messages, strict=True))

    for _ in range(ticks):
        readings = live.tick()[0]
        take(readings, live.next_ms)
    take(live.end(), 0)
    rest = transport.rest()
    found.extend(zip(rest.keys, rest.messages, strict=True))
    return found


def identities(messages: list[tuple[bytes, bytes]]) -> list[tuple[str, int]]:
    readings = [decode_reading(message) for _, message in messages]
    return [(reading.vehicle_id, reading.sequence) for reading in readings]


def test_a_quiet_way_changes_nothing() -> None:
    assert arrived(Disturbances()) == arrived(Disturbances(late_by_s=1, tunnel_s=3))


def test_the_same_seeds_give_the_same_arrivals_byte_for_byte() -> None:
    assert arrived(HARSH) == arrived(HARSH)


@pytest.mark.parametrize("knob", ["late", "duplicated", "reordered", "lost", "malformed", "clock_skew", "tunnel"])
def test_each_knob_has_a_seed_of_its_own(knob: str) -> None:
    amount = 20.0 if knob in ("clock_skew", "tunnel") else 0.2
    knobs: list[dict[str, Any]] = [{knob: Knob(amount, seed)} for seed in (1, 1, 2)]
    of = [arrived(Disturbances(**some), ticks=60) for some in knobs]
    assert of[0] == of[1] != of[2]


def test_turning_one_knob_leaves_what_another_does_as_it_was() -> None:
    def lost(disturbances: Disturbances) -> set[int]:
        return set(range(len(SENT))) - set(delivered(disturbances).row.tolist())

    assert lost(HARSH) == lost(Disturbances(lost=HARSH.lost)) == lost(replace(HARSH, late=Knob(0.9, 99)))


def test_shares_are_those_asked_for() -> None:
    found = delivered(replace(HARSH, tunnel=Knob()))
    assert found.lost == pytest.approx(1000, rel=0.2)
    assert len(found.row) - (len(SENT) - found.lost) == pytest.approx(950, rel=0.2)
    assert found.is_malformed.mean() == pytest.approx(0.05, rel=0.2)


def test_nothing_arrives_before_it_is_sent_nor_later_than_the_delays_allow() -> None:
    found = delivered(HARSH)
    delay_s = (found.arrives_at_ms - SENT[found.row]) / 1000
    assert delay_s.min() >= 0
    assert delay_s.max() <= 60 + 60 + 10 + 2
    reordered = delivered(Disturbances(reordered=Knob(0.5, 1)))
    assert 9 < (reordered.arrives_at_ms - SENT[reordered.row]).max() / 1000 <= 10


def test_a_tunnel_stores_what_is_recorded_and_forwards_all_of_it_at_its_end_in_order() -> None:
    found = deliveries(
        Disturbances(tunnel=Knob(6.0, 1), tunnel_s=90),
        vehicle_id=np.resize(CARS.vehicle_id[:1], 3600),
        sequence=np.arange(3600),
        sent_at_ms=START_MS + np.arange(3600) * 1000,
        ends_trip=np.zeros(3600, dtype=bool),
    )
    delay_s = (found.arrives_at_ms - (START_MS + found.row * 1000)) / 1000
    assert (np.diff(found.arrives_at_ms) >= 0).all()
    assert 5 * 90 <= (delay_s > 0).sum() <= 7 * 90
    assert 88 < delay_s.max() <= 90


def test_the_reading_that_ends_a_trip_is_neither_lost_nor_damaged() -> None:
    found = delivered(HARSH, ends_trip=True)
    assert found.lost == 0
    assert not found.is_malformed.any()


def test_without_loss_every_reading_arrives_and_duplicates_are_equal_bytes() -> None:
    disturbances = replace(HARSH, lost=Knob(), malformed=Knob(), clock_skew=Knob())
    found, quiet = arrived(disturbances), arrived(Disturbances())
    assert set(found) == set(quiet)
    assert len(found) > len(quiet) == len(set(quiet))
    assert identities(found) != identities(quiet)


def test_a_wrong_clock_is_wrong_by_the_same_for_a_car_and_never_breaks_a_trip() -> None:
    true = [decode_reading(message) for _, message in arrived(Disturbances())]
    told = [decode_reading(message) for _, message in arrived(Disturbances(clock_skew=Knob(30.0, 1)))]
    off: dict[str, set[int]] = {}
    for one, other in zip(true, told, strict=True):
        off.setdefault(one.vehicle_id, set()).add(other.recorded_at_ms - one.recorded_at_ms)
        assert other.recorded_at_ms - other.trip_started_at_ms == one.recorded_at_ms - one.trip_started_at_ms
    assert all(len(each) == 1 for each in off.values())
    of_fleet = [each.pop() for each in off.values()]
    assert -30_000 <= min(of_fleet) < -10_000
    assert 10_000 < max(of_fleet) <= 30_000


def test_every_damage_is_refused_by_the_contract_whatever_wrote_the_bytes() -> None:
    key, whole = arrived(Disturbances(), ticks=5)[0]
    for damage in DAMAGES:
        with pytest.raises(MalformedReading):
            believe(damage(whole), partition=OWNER[key], received_at_ms=START_MS + 10_000)


def test_flags_become_knobs_whose_seed_is_the_fleets_unless_given() -> None:
    settings = RunSettings.model_validate({"seed": 5, "late": 0.1, "lost": 0.2, "lost_seed": 9, "late_by": "2m"})
    disturbances = settings.disturbances()
    assert (disturbances.late, disturbances.lost) == (Knob(0.1, 5), Knob(0.2, 9))
    assert disturbances.late_by_s == 120
    assert not disturbances.is_quiet
    assert RunSettings().disturbances().is_quiet
