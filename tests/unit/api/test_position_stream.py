from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from serving import OTHER_VIN, VIN, Topics, a_state, a_trip, a_vehicle, an_alert, project
from sqlalchemy import Engine
from sse import Event, Reader

from api.live.places import CELLS, Viewport, moved, thinned
from api.live.position import read
from api.live.position_feed import FEATURES_A_PAGE, PositionFeed
from api.queries.positions import EVERYWHERE, Box, Place
from api.store.database import Store
from contracts.vehicle_state import VehicleState

MUNICH = Viewport(Box(11.0, 48.0, 12.0, 49.0))


def a_place(vin: str, longitude: float, latitude: float, *, offset: int = 0, is_alerted: bool = False) -> Place:
    return Place(vin, 0, offset, latitude, longitude, "north", is_alerted)


def state_at(vin: str, longitude: float, latitude: float, offset: int) -> VehicleState:
    state = a_state(vin, a_trip(9_000, 800), offset=offset)
    state.newest.latitude_deg, state.newest.longitude_deg = latitude, longitude
    return state


@pytest.fixture
def served(url: str, store: Engine) -> Iterator[Store]:
    assert store is not None
    served = Store(url)
    yield served
    served.close()


class Looking:
    """One client of the stream."""

    def __init__(self, served: Store, view: Viewport = MUNICH, since: str = "") -> None:
        self.feed = PositionFeed(served, every_s=0.01)
        self._chunks = self.feed.chunks(view, read(since))
        self._reader = Reader()

    async def next(self, within_s: float = 2.0) -> Event:
        while True:
            text = (await asyncio.wait_for(anext(self._chunks), within_s)).decode()
            if events := list(self._reader.events(text.split("\n"))):
                return events[0]


def shown(event: Event) -> list[str]:
    collection: dict[str, Any] = json.loads(event.data)
    return [one["properties"]["vehicle_id"] for one in collection["features"]]


def test_first_comes_what_is_in_the_viewport_then_what_moves_in_it(
    served: Store, store: Engine, topics: Topics
) -> None:
    async def story() -> None:
        project(store, *topics.flush(state_at(VIN, 11.5, 48.5, 3)), *topics.flush(state_at(OTHER_VIN, 13.5, 48.5, 3)))
        looking = Looking(served)
        assert shown(await looking.next()) == [VIN]
        project(store, *topics.flush(state_at(OTHER_VIN, 11.6, 48.5, 5)))
        assert shown(await looking.next()) == [OTHER_VIN]
        looking.feed.end()

    asyncio.run(story())


def test_an_id_takes_up_with_all_that_moved_since(served: Store, store: Engine, topics: Topics) -> None:
    async def story() -> None:
        project(store, *topics.flush(state_at(VIN, 11.5, 48.5, 3)), *topics.flush(state_at(OTHER_VIN, 11.6, 48.5, 3)))
        seen = await Looking(served).next()
        assert shown(seen) == [VIN, OTHER_VIN]
        project(store, *topics.flush(state_at(VIN, 11.55, 48.5, 9)))
        assert shown(await Looking(served, since=seen.id).next()) == [VIN]

    asyncio.run(story())


def test_a_full_viewport_comes_in_pages_and_only_the_last_has_an_id(
    served: Store, store: Engine, topics: Topics
) -> None:
    async def story() -> None:
        vins = [f"1HGCM82633A{n:06d}" for n in range(FEATURES_A_PAGE + 20)]
        places = [(11.0 + n % 12 / 13, 48.0 + n // 12 / 13) for n in range(len(vins))]
        project(
            store, *(one for vin, at in zip(vins, places, strict=True) for one in topics.flush(state_at(vin, *at, 3)))
        )
        looking = Looking(served)
        first, last = await looking.next(), await looking.next()
        assert (len(shown(first)), len(shown(last))) == (FEATURES_A_PAGE, 20)
        assert sorted(shown(first) + shown(last)) == vins
        assert (read(first.id), read(last.id) is not None) == (None, True)
        looking.feed.end()

    asyncio.run(story())


def test_a_fleet_is_looked_at_alone_and_an_alert_shows_its_severity(
    served: Store, store: Engine, topics: Topics
) -> None:
    async def story() -> None:
        project(store, topics.vehicle(a_vehicle()), topics.vehicle(a_vehicle(OTHER_VIN, fleet="south")))
        project(store, *topics.flush(state_at(VIN, 11.5, 48.5, 3)), *topics.flush(state_at(OTHER_VIN, 11.5, 48.5, 3)))
        project(store, topics.alert(an_alert(severity="critical")))
        event = await Looking(served, Viewport(EVERYWHERE, "north")).next()
        (feature,) = json.loads(event.data)["features"]
        assert (feature["id"], feature["properties"]["severity"]) == (VIN, "critical")

    asyncio.run(story())


def test_a_cell_shows_one_vehicle_and_every_one_that_alerts() -> None:
    crowd = [a_place(f"V{n:02d}", 11.5, 48.5) for n in range(50)]
    assert [place.vehicle_id for place in thinned(reversed(crowd), MUNICH)] == ["V00"]
    alerted = [a_place("A1", 11.5, 48.5, is_alerted=True), a_place("A2", 11.5, 48.5, is_alerted=True)]
    assert [place.vehicle_id for place in thinned(crowd + alerted, MUNICH)] == ["A1", "A2", "V00"]
    everywhere = [a_place(f"{x}.{y}", 11 + x / 100, 48 + y / 100) for x in range(101) for y in range(101)]
    assert len(thinned(everywhere, MUNICH)) == CELLS * CELLS


def test_a_viewport_may_hold_the_180th_meridian() -> None:
    view = Viewport(Box(179.0, -20.0, -179.0, -10.0))
    places = [a_place("W", 179.5, -15.0), a_place("E", -179.5, -15.0), a_place("no", 0.0, -15.0)]
    assert [place.vehicle_id for place in thinned(places, view)] == ["W", "E"]


def test_the_offset_of_a_mark_is_the_first_that_it_does_not_cover() -> None:
    places = [a_place("old", 11, 48, offset=4), a_place("new", 11, 48, offset=5)]
    assert [place.vehicle_id for place in moved(places, (5,) * 12)] == ["new"]
