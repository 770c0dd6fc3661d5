from __future__ import annotations

import itertools
from pathlib import Path

import msgspec
import numpy as np
import pytest

from contracts.errors import InvalidInput
from roads.geodesy import great_circle_m
from roads.network import RoadNetwork, Segment, Vertex
from simulator.faults.fault import Faults
from simulator.live.live_fleet import LiveFleet
from simulator.past.history import PastTrips
from simulator.physics.gps import GpsError
from simulator.readings.columns import ReadingColumns
from simulator.readings.rows import ReadingRows
from simulator.trips.driven import DrivenFile, DrivenTrip, TripLog
from simulator.trips.leg import POINT_M
from simulator.trips.network import network
from simulator.trips.road_book import RoadBook, road_book
from simulator.trips.signals import CYCLE_S
from simulator.trips.speed_profile import after_mps, allowed_mps, turning_mps
from simulator.trips.trip_calendar import calendar
from simulator.vehicles.fleet import STYLES, fleet

START_MS = 1_790_000_000_000
CARS = fleet(40, 1)
ROADS = network("denver", seed=1, segments=0)
BOOK = road_book(ROADS, 1)


def a_fleet(book: RoadBook = BOOK, *, noise_m: float = 0, log: TripLog | None = None) -> LiveFleet:
    faults = Faults(len(CARS), per_vehicle_hour=0, growth_s=15, repair_s=60)
    return LiveFleet(
        CARS, book, seed=1, start_ms=START_MS, rate_hz=1, faults=faults, gps_noise_m=noise_m, log=log
    )  # fmt: skip


def driven(book: RoadBook, ticks: int) -> tuple[list[ReadingColumns], list[DrivenTrip]]:
    log = TripLog(book, len(CARS))
    live = a_fleet(book, log=log)
    made = [live.tick()[0] for _ in range(ticks)]
    return [*made, live.end()], log.trips


@pytest.fixture(scope="module")
def drive() -> tuple[list[ReadingColumns], list[DrivenTrip]]:
    return driven(BOOK, 900)


def away_m(position: tuple[float, float], segments: tuple[int, ...], roads: RoadNetwork = ROADS) -> float:
    """Give the distance from a position to the nearest point, a metre or so apart, of some segments."""
    return min(
        great_circle_m(position, (one[0] + share * (other[0] - one[0]), one[1] + share * (other[1] - one[1])))
        for number in set(segments)
        for one, other in itertools.pairwise(roads.segments[number].shape)
        for share in np.linspace(0, 1, 2 + int(great_circle_m(one, other))).tolist()
    )


def test_the_true_segments_of_a_trip_lead_from_one_to_the_next(
    drive: tuple[list[ReadingColumns], list[DrivenTrip]],
) -> None:
    assert len(drive[1]) >= len(CARS)
    for trip in drive[1]:
        for before, after in itertools.pairwise(trip.segments):
            assert ROADS.segments[before].end == ROADS.segments[after].start


def test_without_noise_every_position_lies_on_the_segments_that_the_truth_names(
    drive: tuple[list[ReadingColumns], list[DrivenTrip]],
) -> None:
    truth = {(trip.vehicle_id, trip.trip_started_at_ms): trip.segments for trip in drive[1]}
    off = []
    for made in drive[0][::60]:
        values = made.values
        for row in range(0, len(made), 5):
            segments = truth[values["vehicle_id"][row].decode(), int(values["trip_started_at_ms"][row])]
            if segments and values["trip_distance_m"][row] > 0:
                off.append(away_m((values["latitude_deg"][row], values["longitude_deg"][row]), segments))
    assert len(off) > 80
    assert max(off) < POINT_M


def test_the_length_of_the_true_segments_is_the_distance_of_the_trip(
    drive: tuple[list[ReadingColumns], list[DrivenTrip]],
) -> None:
    values = {name: np.concatenate([made.values[name] for made in drive[0]]) for name in drive[0][0].values}
    ended = {
        (vin.decode(), began): metres
        for vin, began, metres, is_on in zip(
            *(values[name].tolist() for name in ("vehicle_id", "trip_started_at_ms", "trip_distance_m", "ignition_on")),
            strict=True,
        )
        if not is_on
    }
    for trip in drive[1]:
        length_m = sum(ROADS.segments[number].length_m for number in trip.segments)
        begun_m = ROADS.segments[trip.segments[-1]].length_m if trip.segments else 0
        assert -10 <= length_m - ended[trip.vehicle_id, trip.trip_started_at_ms] <= begun_m + 10


def test_a_trip_that_came_to_its_end_is_at_least_half_a_kilometre_long() -> None:
    assert BOOK.length_m.min() >= 500
    assert BOOK.places >= 20
    for place in range(BOOK.places):
        assert BOOK.first_leg[place] < BOOK.first_leg[place + 1]


def test_nobody_drives_faster_than_haste_allows_and_turns_are_slow(
    drive: tuple[list[ReadingColumns], list[DrivenTrip]],
) -> None:
    fastest = max(segment.speed_kmh for segment in ROADS.segments)
    speeds = np.concatenate([made.values["speed_kmh"] for made in drive[0]])
    assert speeds.max() <= fastest * max(style.haste for style in STYLES) * 1.05
    assert turning_mps(np.array([90.0]))[0] * 3.6 == pytest.approx(16, abs=2)
    turns = turning_mps(np.array([0.0, 15, 45, 90, 135, 180]))
    assert turns[0] == np.inf
    assert (np.diff(turns[1:]) <= 0).all()


def test_the_allowed_speed_is_one_from_which_every_later_limit_can_be_kept() -> None:
    limits = np.array([15.0, 15, 15, 15, 15, 4, 15, 15])
    allowed = allowed_mps(limits, POINT_M, 2.0)
    assert (allowed <= limits).all()
    assert (allowed[:-1] ** 2 - allowed[1:] ** 2 <= 2 * 2.0 * POINT_M + 1e-9).all()


@pytest.mark.parametrize("dt_s", [1.0, 0.5, 0.02])
def test_a_car_that_brakes_for_a_line_stops_at_it_whatever_the_step(dt_s: float) -> None:
    speed, left_m, braking = np.array([13.0]), np.array([13.0**2 / 4]), np.array([2.0])
    while speed[0] > 0.4:
        after = after_mps(speed, left_m, braking, dt_s)
        left_m = left_m - (speed + after) / 2 * dt_s
        assert speed[0] - after[0] <= 2.3 * dt_s
        speed = after
    assert -0.5 <= left_m[0] < 1


def test_no_car_passes_a_signal_that_has_been_red_for_a_while() -> None:
    live = a_fleet()
    passed, late = 0, 0
    for _ in range(600):
        course = live.cars.course
        before, leg = course._gate.copy(), course.leg.copy()
        live.tick()
        rows = np.flatnonzero((course._gate > before) & (course.leg == leg))
        clock_s = (live.cars._started_at_s + live.cars.elapsed_s)[rows]
        into_s = np.mod(clock_s + BOOK.gate_offset_s[before[rows]], CYCLE_S)
        passed += len(rows)
        late += int((into_s > BOOK.gate_green_s[before[rows]] + 4).sum())
    assert passed > 300
    assert late == 0


def test_altitude_is_the_integral_of_the_grade_along_every_leg() -> None:
    for one in BOOK.legs[::10]:
        climbed_m = np.cumsum(one.grade) * POINT_M
        assert np.abs((one.where[:, 4] - one.where[0, 4]) - climbed_m).max() < 3


def test_uphill_costs_more_than_downhill() -> None:
    used = []
    for rising in (1, -1):
        roads = a_straight_road(rise_m=rising * 40)
        live = a_fleet(road_book(roads, 1))
        live.cars.course.place[:] = 0
        for _ in range(100):
            live.tick()
        used.append(live.cars.fuel_ml.sum() / live.cars.distance_m.sum())
    assert used[0] > 1.3 * used[1]


def a_straight_road(*, rise_m: float, is_two_way: bool = True) -> RoadNetwork:
    """Two kilometres northwards, and back on the same road, which rises on the way out."""
    ends = (
        Vertex(0, 40.0, -105.0, 1600.0, has_signal=False),
        Vertex(1, 40.018, -105.0, 1600.0 + rise_m, has_signal=False),
    )
    shape = ((40.0, -105.0), (40.018, -105.0))
    there = Segment(0, 0, 1, 2001.5, 50.0, rise_m / 2001.5, "secondary", "Hill Road", shape)
    back = Segment(1, 1, 0, 2001.5, 50.0, -rise_m / 2001.5, "secondary", "Hill Road", shape[::-1])
    return RoadNetwork(ends, (there, back) if is_two_way else (there,))


def test_a_network_without_a_way_back_is_refused_with_the_remedy() -> None:
    with pytest.raises(InvalidInput, match="no two vertices with a way there and back; add segments"):
        road_book(a_straight_road(rise_m=0, is_two_way=False), 1)


def test_a_folder_without_a_network_is_refused_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"vertices\.csv"):
        network(str(tmp_path), seed=1, segments=0)


def test_a_generated_city_of_a_seed_gives_the_same_bytes_every_time() -> None:
    def sent(seed: int) -> list[bytes]:
        live = a_fleet(road_book(network("generated", seed=seed, segments=600), seed), noise_m=5)
        return [message for _ in range(60) for message in ReadingRows(64).encode(live.tick()[0])]

    assert sent(3) == sent(3) != sent(4)


def test_the_error_of_positions_is_as_large_as_asked_for_and_drifts() -> None:
    error = GpsError(2000, 6.0, np.random.default_rng(1))
    first = error.metres.copy()
    error.advance(1.0)
    near = error.metres.copy()
    for _ in range(200):
        error.advance(2.0)
    for metres in (first, error.metres):
        assert np.sqrt((metres[:, :2] ** 2).sum(axis=1).mean()) == pytest.approx(6, rel=0.05)
    assert np.corrcoef(first[:, 0], near[:, 0])[0, 1] > 0.95
    assert abs(np.corrcoef(first[:, 0], error.metres[:, 0])[0, 1]) < 0.1


def test_a_past_trip_begins_where_the_one_before_it_ended() -> None:
    planned = calendar(15, days=2, until_ms=START_MS, random=np.random.default_rng(1))
    cars = fleet(15, 1)
    faults = Faults(len(planned), per_vehicle_hour=0, growth_s=15, repair_s=60)
    history = PastTrips(
        cars, BOOK, planned, interval_s=5, seed=1, faults=faults, gps_noise_m=0
    ).drive(lambda _: None)  # fmt: skip
    trips = {(trip.vehicle_id, trip.trip_started_at_ms): trip.segments for trip in history.driven.trips}
    assert len(trips) == len(planned)
    in_order = [trips[key] for key in sorted(trips)]
    joined = [
        ROADS.segments[before[-1]].end == ROADS.segments[after[0]].start
        for (one, before), (other, after) in itertools.pairwise(zip(sorted(trips), in_order, strict=True))
        if one[0] == other[0]
    ]
    # A trip that its time ran out for ends on the road; the next begins where it was bound for.
    assert np.mean(joined) > 0.9


def test_the_file_of_driven_trips_holds_each_trip_once(tmp_path: Path) -> None:
    log = TripLog(BOOK, len(CARS))
    live, file = a_fleet(log=log), DrivenFile(tmp_path / "deep" / "driven.jsonl")
    for _ in range(300):
        live.tick()
        file.write(log)
    live.end()
    file.write(log)
    file.close()
    lines = (tmp_path / "deep" / "driven.jsonl").read_bytes().splitlines()
    trips = [msgspec.json.decode(line, type=DrivenTrip) for line in lines]
    assert len({(trip.vehicle_id, trip.trip_started_at_ms) for trip in trips}) == len(trips) == live.trips_begun
