"""The law of the merge: for any split of any stream between batch and speed, merged equals recomputed."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from itertools import product
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from serving import DAY_MS, NOW_MS, OTHER_VIN, VIN, Topics, a_mark, a_state, a_vehicle, partition_of, project, publish
from sqlalchemy import Connection, Engine

from api.merge import NOTHING, Contribution, contribution, merged_period, merged_trip
from api.period import Period, named_period
from api.projector.publication import Publication
from api.queries.efficiency import Ranking, ranked
from api.queries.served import served
from api.queries.trips import trips_of
from api.store.database import open_for_writing
from api.store.tables import metadata
from contracts.definitions import PERIOD_KINDS, Scope
from contracts.record import Record
from contracts.vehicle_state import TripTotals, merged_totals

TODAY_MS = NOW_MS - NOW_MS % DAY_MS
LATER_MS = NOW_MS + 2 * DAY_MS
REGISTRY = {VIN: a_vehicle(), OTHER_VIN: a_vehicle(OTHER_VIN, model="Civic", fleet="south")}


class Counted(NamedTuple):
    """A reading, as far as totals care."""

    vin: str
    totals: TripTotals


def a_reading_strategy() -> st.SearchStrategy[Counted]:
    # Few trips, begun on the edges of periods, so that the layers know many of them both.
    started = st.sampled_from([-1, 0, 1, 6, 7, 29, 30]).map(lambda days: TODAY_MS - days * DAY_MS)
    counter = st.integers(0, 5_000)
    totals = st.builds(
        lambda started_at_ms, distance_m, fuel_ml, idle_s: TripTotals(
            started_at_ms, distance_m, started_at_ms + 6_000_000 + distance_m, fuel_ml, idle_s
        ),
        started,
        counter,
        st.none() | counter,
        st.none() | counter,
    )
    return st.builds(Counted, st.sampled_from([VIN, OTHER_VIN]), totals)


def totals_of(readings: Iterable[Counted]) -> dict[tuple[str, int], TripTotals]:
    trips: dict[tuple[str, int], TripTotals] = {}
    for vin, totals in readings:
        key = (vin, totals.trip_started_at_ms)
        trips[key] = merged_totals(trips[key], totals) if key in trips else totals
    return trips


readings_strategy = st.lists(a_reading_strategy(), min_size=3, max_size=40)


@given(readings_strategy, st.data())
def test_a_period_corrected_trip_by_trip_equals_the_period_recomputed(
    readings: list[Counted], data: st.DataObject
) -> None:
    covered, marked = (data.draw(st.integers(0, len(readings))) for _ in range(2))
    batch, speed = totals_of(readings[:covered]), totals_of(readings[:marked])
    aggregate = sum((contribution(trip) for trip in batch.values()), NOTHING)
    merged = merged_period(aggregate, [(batch.get(key), trip) for key, trip in speed.items()])
    recomputed = totals_of(readings[: max(covered, marked)])
    assert merged == sum((contribution(trip) for trip in recomputed.values()), NOTHING)
    assert {key: merged_trip(batch.get(key), speed.get(key)) for key in batch | speed} == recomputed


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """One store for all examples: each empties it."""
    engine = open_for_writing(f"sqlite:///{tmp_path_factory.mktemp('merge')}/serving.db")
    yield engine
    engine.dispose()


@settings(max_examples=60, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(readings=readings_strategy, data=st.data())
def test_the_store_answers_as_if_it_had_recomputed_everything(
    store: Engine, readings: list[Counted], data: st.DataObject
) -> None:
    by_vin = {vin: [reading for reading in readings if reading.vin == vin] for vin in REGISTRY}
    covered = {vin: data.draw(st.integers(0, len(of_vin))) for vin, of_vin in by_vin.items()}
    marked = {vin: data.draw(st.integers(0, len(of_vin))) for vin, of_vin in by_vin.items()}
    flushes = {vin: sorted({data.draw(st.integers(0, marked[vin])), marked[vin]}) for vin in REGISTRY}
    fill(store, by_vin, covered, flushes)
    known = {vin: of_vin[: max(covered[vin], marked[vin])] for vin, of_vin in by_vin.items()}
    expected = totals_of(reading for of_vin in known.values() for reading in of_vin)
    with store.connect() as connection:
        assert merged_trips(connection) == expected
        as_of_day = served(connection).as_of_day
        for kind, scope in product(PERIOD_KINDS, SCOPES):
            period = named_period(kind, None, as_of_day)
            ranking = Ranking(scope, "merged", period, 1, "best", 1)
            rows = ranked(connection, ranking)
            assert {row.key: row.total for row in rows} == recomputed_sums(expected, period, SCOPES[scope])


def fill(
    store: Engine, by_vin: dict[str, list[Counted]], covered: dict[str, int], flushes: dict[str, list[int]]
) -> None:
    with store.begin() as connection:
        for table in metadata.sorted_tables:
            connection.execute(table.delete())
    topics = Topics()
    project(store, *(topics.vehicle(vehicle) for vehicle in REGISTRY.values()))
    for vin, of_vin in by_vin.items():
        project(store, *flushed(topics, vin, of_vin, flushes[vin]))
    batch = totals_of(reading for vin, of_vin in by_vin.items() for reading in of_vin[: covered[vin]])
    offsets = {partition_of(vin): offset for vin, offset in covered.items()}
    with tempfile.TemporaryDirectory() as views:
        publish(Path(views), 1, batch, covered=offsets, registry=REGISTRY)
        publication = Publication(store, Path(views), lambda: NOW_MS)
        publication.look()
        while publication.is_loading:
            publication.step()


def merged_trips(connection: Connection) -> dict[tuple[str, int], TripTotals]:
    seen = [(vin, both.seen("merged")) for vin in REGISTRY for both in trips_of(connection, vin, version=1)]
    return {(vin, trip.trip_started_at_ms): trip for vin, trip in seen if trip is not None}


def recomputed_sums(
    trips: dict[tuple[str, int], TripTotals], period: Period, names: dict[str, str]
) -> dict[str, Contribution]:
    sums: dict[str, Contribution] = {}
    for (vin, started_at_ms), trip in trips.items():
        if started_at_ms in period and contribution(trip) != NOTHING:
            sums[names[vin]] = sums.get(names[vin], NOTHING) + contribution(trip)
    return sums


SCOPES: dict[Scope, dict[str, str]] = {
    "vehicle": {vin: vin for vin in REGISTRY},
    "model": {VIN: "Honda Accord 2020", OTHER_VIN: "Honda Civic 2020"},
    "fleet": {VIN: "north", OTHER_VIN: "south"},
}


def flushed(topics: Topics, vin: str, readings: list[Counted], ends: list[int]) -> list[Record]:
    """Give states and marks as the hot path would write them with flushes at these offsets."""
    records: list[Record] = []
    written = 0
    for end in ends:
        touched = {reading.totals.trip_started_at_ms for reading in readings[written:end]}
        trips = [trip for (_, started_at_ms), trip in totals_of(readings[:end]).items() if started_at_ms in touched]
        if trips:
            times = {"received_at_ms": LATER_MS, "newest_received_at_ms": LATER_MS}
            records.append(topics.state(a_state(vin, *trips, offset=end - 1, **times)))
        records.append(topics.mark(a_mark(end, partition_of(vin))))
        written = end
    return records
