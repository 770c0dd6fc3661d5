"""The law of the merge: for any split of any stream between batch and speed, merged equals recomputed."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from serving import DAY_MS, NOW_MS, OTHER_VIN, VIN, Topics, a_mark, a_state, a_vehicle, partition_of, project, publish

from api.merge import NOTHING, Contribution, contribution, merged_period, merged_trip
from api.period import named_period
from api.projector.inbox import Record
from api.projector.publication import Publication
from api.queries.efficiency import Ranking, ranked
from api.queries.served import served
from api.queries.trips import trips_of
from api.store.database import open_for_writing
from contracts.definitions import PERIOD_KINDS, Scope
from contracts.vehicle_state import TripTotals, merged_totals

REGISTRY = {VIN: a_vehicle(), OTHER_VIN: a_vehicle(OTHER_VIN, model="Civic", fleet="south")}


class Counted(NamedTuple):
    """A reading, as far as totals care."""

    vin: str
    totals: TripTotals


def a_reading_strategy() -> st.SearchStrategy[Counted]:
    counter = st.integers(0, 9_000)
    totals = st.builds(
        lambda days, distance_m, fuel_ml, idle_s: TripTotals(
            NOW_MS - days * DAY_MS, distance_m, NOW_MS - days * DAY_MS + 1000, fuel_ml, idle_s
        ),
        st.integers(0, 40),
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


readings_strategy = st.lists(a_reading_strategy(), max_size=25)


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


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(readings_strategy, st.data())
def test_the_store_answers_as_if_it_had_recomputed_everything(readings: list[Counted], data: st.DataObject) -> None:
    by_vin = {vin: [reading for reading in readings if reading.vin == vin] for vin in REGISTRY}
    covered = {vin: data.draw(st.integers(0, len(of_vin))) for vin, of_vin in by_vin.items()}
    marked = {vin: data.draw(st.integers(0, len(of_vin))) for vin, of_vin in by_vin.items()}
    flushes = {vin: sorted({data.draw(st.integers(0, marked[vin])), marked[vin]}) for vin in REGISTRY}
    with tempfile.TemporaryDirectory() as folder:
        engine = open_for_writing(f"sqlite:///{folder}/serving.db")
        topics = Topics()
        project(engine, *(topics.vehicle(vehicle) for vehicle in REGISTRY.values()))
        for vin, of_vin in by_vin.items():
            project(engine, *flushed(topics, vin, of_vin, flushes[vin]))
        batch = totals_of(reading for vin, of_vin in by_vin.items() for reading in of_vin[: covered[vin]])
        offsets = {partition_of(vin): offset for vin, offset in covered.items()}
        publish(Path(folder), 1, batch, covered=offsets, registry=REGISTRY)
        publication = Publication(engine, Path(folder), lambda: NOW_MS)
        publication.look()
        while publication.is_loading:
            publication.step()

        expected = totals_of(
            reading for vin, of_vin in by_vin.items() for reading in of_vin[: max(covered[vin], marked[vin])]
        )
        with engine.connect() as connection:
            now = served(connection)
            for vin in REGISTRY:
                seen = [trip.seen("merged") for trip in trips_of(connection, vin, version=1)]
                assert {trip.trip_started_at_ms: trip for trip in seen if trip} == {
                    started_at_ms: trip for (of, started_at_ms), trip in expected.items() if of == vin
                }
            for kind in PERIOD_KINDS:
                period = named_period(kind, None, now.as_of_day)
                for scope, names in SCOPES.items():
                    rows = ranked(connection, Ranking(scope, "merged", period, 1, "best", 1), after=None, limit=10)
                    found = {row.key: row.total for row in rows}
                    sums: dict[str, Contribution] = {}
                    for (vin, started_at_ms), trip in expected.items():
                        if started_at_ms in period and contribution(trip) != NOTHING:
                            sums[names[vin]] = sums.get(names[vin], NOTHING) + contribution(trip)
                    assert found == sums
        engine.dispose()


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
            records.append(topics.state(a_state(vin, *trips, offset=end - 1)))
        records.append(topics.mark(a_mark(end, partition_of(vin))))
        written = end
    return records
