from __future__ import annotations

import numpy as np
import pytest

from simulator.faults.fault import Faults
from simulator.live.live_fleet import LiveFleet
from simulator.trips.network import network
from simulator.trips.rhythm import TRIPS_A_DAY, clock_h, next_trip_ms, share_driving, trips_a_second
from simulator.trips.road_book import road_book
from simulator.vehicles.fleet import fleet

MIDNIGHT_MS = 1_790_000_000_000 // 86_400_000 * 86_400_000 + 7 * 3_600_000
"""00:00 of the city's clock."""
HOUR_MS = 3_600_000
BOOK = road_book(network("denver", seed=1, segments=0), 1)
CARS = fleet(1500, 1)


def at(hour: float) -> int:
    return MIDNIGHT_MS + round(hour * HOUR_MS)


def test_the_clock_is_the_citys() -> None:
    assert clock_h(at(7.5)) == pytest.approx(7.5)


def test_most_trips_begin_when_people_go_to_work_and_back_and_a_few_at_night() -> None:
    rate = [trips_a_second(at(hour)) for hour in range(24)]
    assert rate[7] == pytest.approx(max(rate))
    assert rate[16] == pytest.approx(max(rate))
    assert 0 < rate[2] < rate[7] / 20
    assert sum(rate) * 3600 == pytest.approx(TRIPS_A_DAY)


def test_a_car_that_parks_in_the_evening_drives_on_in_the_morning_at_last() -> None:
    due_ms = next_trip_ms(at(20), np.linspace(0, 0.999, 1000))
    assert due_ms[0] == at(20)
    assert (np.diff(due_ms) > 0).all()
    assert np.median(due_ms) > at(24 + 6)


@pytest.mark.parametrize("hour", [2, 7.2, 11.9])
def test_so_many_trips_begin_in_an_hour_as_its_rate_says(hour: float) -> None:
    due_ms = next_trip_ms(at(hour), np.random.default_rng(1).random(100_000))
    begun = np.mean(due_ms < at(hour) + 60_000)
    assert begun == pytest.approx(60 * trips_a_second(at(hour)), rel=0.25, abs=2e-4)


def driving(start_ms: int, *, ticks: int) -> list[int]:
    faults = Faults(len(CARS), per_vehicle_hour=0, growth_s=15, repair_s=90)
    live = LiveFleet(CARS, BOOK, seed=1, start_ms=start_ms, rate_hz=0.2, faults=faults, has_rhythm=True)
    seen = []
    for _ in range(ticks):
        live.tick()
        seen.append(int(live.cars.running.sum()))
    return seen


def test_a_fleet_started_at_any_hour_drives_as_that_hour() -> None:
    night, morning, noon = (driving(at(hour), ticks=4)[-1] for hour in (2, 7, 10))
    assert 0 < night < 30 < noon < morning
    assert morning == pytest.approx(len(CARS) * share_driving(at(7), 1170), rel=0.25)


def test_cars_that_were_held_back_do_not_all_set_off_when_they_are_let_go() -> None:
    faults = Faults(len(CARS), per_vehicle_hour=0, growth_s=15, repair_s=90)
    live = LiveFleet(CARS, BOOK, seed=1, start_ms=at(7), rate_hz=1, faults=faults, has_rhythm=True)
    live.active = 1
    live.skip(HOUR_MS)
    live.tick()
    live.active = len(CARS)
    live.tick()
    live.tick()
    assert live.cars.running.sum() < len(CARS) / 20


def test_the_morning_fills_the_roads_while_the_fleet_drives_on() -> None:
    seen = driving(at(5.9), ticks=180)  # fifteen minutes
    assert seen[60] < seen[120] < seen[-1]
