from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from serving import NOW_MS, OTHER_VIN, VIN, Topics, an_alert, partition_of, project
from sqlalchemy import Engine
from sse import Event, Reader

from api.live.feed import AlertFeed
from api.live.frame import Frame, Wish
from api.live.listener import CHUNK_BYTES, MOST_WAITING_BYTES, Listener
from api.live.position import Vector, read, written
from api.live.response import EventStream
from api.store.database import Store
from contracts.errors import Unavailable
from contracts.topics import ENGINE_ALERTS

EVERYTHING = Wish()
START = (0,) * ENGINE_ALERTS.partitions

_LONG_S = 30.0


@pytest.fixture
def served(url: str, store: Engine) -> Iterator[Store]:
    assert store is not None
    served = Store(url)
    yield served
    served.close()


def heard(text: bytes) -> list[Event]:
    return list(Reader().events(text.decode().split("\n")))


def named(events: list[Event]) -> list[tuple[str, int]]:
    alerts = [json.loads(event.data) for event in events if event.kind == "alert"]
    return [(alert["alert_id"], alert["change"]) for alert in alerts]


async def gathered(listener: Listener, *, alerts: int = 0, within_s: float = 0.3) -> list[Event]:
    """Return what comes until so many alerts have come and then nothing does for a while."""
    text, chunks = b"", listener.chunks()
    try:
        while True:
            patience_s = within_s if len(named(heard(text))) >= alerts else _LONG_S
            text += await asyncio.wait_for(anext(chunks), patience_s)
    except (TimeoutError, StopAsyncIteration):
        return heard(text)


def run(story: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(story())  # type: ignore[arg-type]


def listened(served: Store, since: Vector | None, wish: Wish = EVERYTHING, **given: Any) -> list[Event]:
    async def listen() -> list[Event]:
        return await gathered(await AlertFeed(served).join(since, wish, **given))

    return asyncio.run(listen())


def test_what_is_committed_while_one_listens_comes_once(served: Store, store: Engine, topics: Topics) -> None:
    async def story() -> None:
        project(store, topics.alert(an_alert("before")))
        listener = await AlertFeed(served).join(None, Wish())
        project(store, topics.alert(an_alert("a")), topics.alert(an_alert("b", vehicle_id=OTHER_VIN)))
        cleared = topics.alert(an_alert("a", 2, state="cleared"), at_ms=NOW_MS + 30)
        project(store, topics.alert(an_alert("a")), cleared)
        assert named(await gathered(listener, alerts=3)) == [("a", 1), ("b", 1), ("a", 2)]

    run(story)


def test_each_id_takes_up_where_it_was_given(served: Store, store: Engine, topics: Topics) -> None:
    """Two alerts in different partitions stand between two ids."""
    assert partition_of(VIN) != partition_of(OTHER_VIN)
    project(
        store,
        topics.alert(an_alert("a"), at_ms=NOW_MS + 1),
        topics.alert(an_alert("b", vehicle_id=OTHER_VIN), at_ms=NOW_MS + 2),
        topics.alert(an_alert("c"), at_ms=NOW_MS + 3),
        topics.alert(an_alert("d", vehicle_id=OTHER_VIN), at_ms=NOW_MS + 4),
    )
    events = listened(served, START)
    assert named(events) == [("a", 1), ("b", 1), ("c", 1), ("d", 1)]
    for seen, event in enumerate(events, start=1):
        assert named(listened(served, read(event.id))) == named(events)[seen:]


def test_what_comes_while_the_missed_is_told_is_neither_lost_nor_repeated(
    served: Store, store: Engine, topics: Topics
) -> None:
    async def story() -> None:
        feed = AlertFeed(served, every_s=0.001)
        first = await feed.join(None, Wish())
        for turn in range(20):
            project(store, topics.alert(an_alert(f"a{turn}")))
            late = await feed.join(START, Wish())
            assert named(await gathered(late, alerts=turn + 1, within_s=0.05)) == [
                (f"a{n}", 1) for n in range(turn + 1)
            ]
            feed.leave(late)
        assert named(await gathered(first, alerts=20)) == [(f"a{n}", 1) for n in range(20)]

    run(story)


@pytest.mark.parametrize("ahead", [(9,) * ENGINE_ALERTS.partitions, None])
def test_a_position_of_another_stream_is_reset(
    served: Store, store: Engine, topics: Topics, ahead: Vector | None
) -> None:
    project(store, topics.alert(an_alert("a")))
    (event,) = listened(served, ahead, is_lost=ahead is None)
    assert event.kind == "reset"
    assert listened(served, read(event.id)) == []


def test_what_the_store_does_not_hold_any_more_is_reset(served: Store, store: Engine, topics: Topics) -> None:
    records = [topics.alert(an_alert(f"a{n}")) for n in range(3)]
    project(store, *records[1:])
    assert [event.kind for event in listened(served, START)] == ["reset"]


def test_too_much_missed_is_reset(
    served: Store, store: Engine, topics: Topics, monkeypatch: pytest.MonkeyPatch
) -> None:
    project(store, *(topics.alert(an_alert(f"a{n}")) for n in range(4)))
    monkeypatch.setattr("api.live.feed.MOST_MISSED", 3)
    assert [event.kind for event in listened(served, START)] == ["reset"]


def test_a_store_that_is_rebuilt_repeats_nothing(served: Store, store: Engine, topics: Topics) -> None:
    async def story() -> None:
        records = [topics.alert(an_alert(f"a{n}")) for n in range(3)]
        project(store, *records[:2])
        listener = await AlertFeed(served).join(None, Wish())
        with store.begin() as connection:
            for table in ("alert_changes", "alerts", "consumed"):
                connection.exec_driver_sql(f"DELETE FROM {table}")  # noqa: S608
        for record in records:
            project(store, record)
            await asyncio.sleep(0.05)
        assert named(await gathered(listener)) == [("a2", 1)]

    run(story)


@pytest.mark.parametrize(
    ("wish", "told"),
    [(Wish(vehicle_id=OTHER_VIN), "b"), (Wish(rule="battery"), "c"), (Wish(severity="critical"), "d")],
)
def test_one_hears_what_one_wishes_for(served: Store, store: Engine, topics: Topics, wish: Wish, told: str) -> None:
    alerts = [an_alert("a"), an_alert("b", vehicle_id=OTHER_VIN), an_alert("c", rule="battery")]
    project(store, *map(topics.alert, [*alerts, an_alert("d", severity="critical")]))
    assert named(listened(served, START, wish)) == [(told, 1)]


def test_a_heartbeat_moves_the_id_past_what_was_not_wished_for(served: Store, store: Engine, topics: Topics) -> None:
    async def story() -> None:
        listener = await AlertFeed(served, heartbeat_s=0.05).join(None, Wish(rule="none"))
        chunks = listener.chunks()
        await anext(chunks)
        project(store, topics.alert(an_alert("a")))
        await asyncio.sleep(0.2)
        reader = Reader()
        while reader.last_id != written(tuple(int(p == partition_of(VIN)) for p in range(len(START)))):
            assert list(reader.events((await anext(chunks)).decode().split("\n"))) == []

    run(story)


def test_without_a_store_one_cannot_listen_and_listeners_wait_for_it(tmp_path: Path) -> None:
    async def story() -> None:
        with pytest.raises(Unavailable):
            await AlertFeed(Store(f"sqlite:///{tmp_path}/none.db")).join(None, Wish())

    run(story)


def test_a_slow_client_is_dropped_and_the_others_are_not(served: Store, store: Engine, topics: Topics) -> None:
    async def story() -> None:
        feed = AlertFeed(served, every_s=0.001, heartbeat_s=0.001)
        slow, quick = await feed.join(None, Wish()), await feed.join(None, Wish())
        hearing = asyncio.ensure_future(gathered(quick, within_s=3))
        await asyncio.sleep(2)
        project(store, topics.alert(an_alert("a")))
        await asyncio.sleep(0.2)
        feed.end()
        assert named(await hearing) == [("a", 1)]
        assert await gathered(slow) == []

    run(story)


def test_a_full_queue_ends_a_listener() -> None:
    async def story() -> None:
        listener = Listener(Wish(), most_waiting=2)
        assert [listener.offer([Frame(b"x")]) for _ in range(3)] == [True, True, False]
        assert [chunk async for chunk in listener.chunks()] == []

    run(story)


def test_what_waits_for_a_client_is_bounded_in_bytes() -> None:
    async def story() -> None:
        listener = Listener(Wish())
        half = Frame(b"x" * (MOST_WAITING_BYTES // 2))
        assert [listener.offer([half]) for _ in range(3)] == [True, True, False]
        assert [chunk async for chunk in listener.chunks()] == []

    run(story)


class CountedStore(Store):
    """Counts how often it was asked."""

    asked = 0

    def snapshot(self) -> Any:
        self.asked += 1
        return super().snapshot()


def test_what_was_missed_is_read_from_the_store_when_the_page_before_was_taken(
    url: str, store: Engine, topics: Topics
) -> None:
    """So a client that reads nothing costs one page, whatever it missed."""
    project(store, *(topics.alert(an_alert(f"a{n:04d}"), at_ms=NOW_MS + n) for n in range(1_000)))

    async def story() -> None:
        served = CountedStore(url)
        feed = AlertFeed(served, every_s=3600)  # it looks for nothing new meanwhile
        listener = await feed.join(START, Wish())
        chunks, text, pages = listener.chunks(), b"", 0
        while len(named(heard(text))) < 1_000:
            before = served.asked
            chunk = await anext(chunks)
            assert len(chunk) <= CHUNK_BYTES
            assert served.asked - before <= 1
            pages += served.asked - before
            text += chunk
        assert named(heard(text)) == [(f"a{n:04d}", 1) for n in range(1_000)]
        assert pages == 1_000 / 50

    run(story)


def test_what_comes_while_one_catches_up_follows_on_it(served: Store, store: Engine, topics: Topics) -> None:
    async def story() -> None:
        alerts = [topics.alert(an_alert(f"a{n:03d}"), at_ms=NOW_MS + n) for n in range(300)]
        project(store, *alerts[:100])
        feed = AlertFeed(served, every_s=0.001)
        listener = await feed.join(START, Wish())
        chunks, text = listener.chunks(), b""
        for turn in range(100, 300, 10):
            text += await asyncio.wait_for(anext(chunks), 10)
            project(store, *alerts[turn : turn + 10])
        text += b"".join([chunk async for chunk in _until_quiet(chunks)])
        assert named(heard(text)) == [(f"a{n:03d}", 1) for n in range(300)]

    run(story)


async def _until_quiet(chunks: Any) -> Any:
    while True:
        try:
            yield await asyncio.wait_for(anext(chunks), 2)
        except (TimeoutError, StopAsyncIteration):
            return


def test_who_catches_up_with_a_store_that_is_being_rebuilt_is_reset(
    served: Store, store: Engine, topics: Topics
) -> None:
    async def story() -> None:
        project(store, *(topics.alert(an_alert(f"a{n:03d}"), at_ms=NOW_MS + n) for n in range(200)))
        listener = await AlertFeed(served).join(START, Wish())
        chunks = listener.chunks()
        await anext(chunks)
        text = await anext(chunks)
        with store.begin() as connection:
            for table in ("alert_changes", "alerts", "consumed"):
                connection.exec_driver_sql(f"DELETE FROM {table}")  # noqa: S608
        while b"event: reset" not in text:
            text += await asyncio.wait_for(anext(chunks), 10)
        assert [event.kind for event in heard(text)][-1] == "reset"

    run(story)


def test_places_are_left_out_from_the_moment_that_the_right_is_taken_away(
    served: Store, store: Engine, topics: Topics
) -> None:
    async def story() -> None:
        rights = [True]
        project(store, topics.alert(an_alert("a", latitude_deg=48.1, longitude_deg=11.5)))
        listener = await AlertFeed(served, every_s=0.001).join(None, Wish(), sees_places=lambda: rights[0])
        chunks = listener.chunks()
        await anext(chunks)
        for name, sees in (("b", True), ("c", False)):
            rights[0] = sees
            project(store, topics.alert(an_alert(name, latitude_deg=48.1, longitude_deg=11.5)))
            assert (b"latitude_deg" in await anext(chunks)) is sees

    run(story)


def test_who_takes_nothing_is_not_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    ended = []

    async def endless() -> Any:
        while True:
            yield b"x"

    async def stuck(message: Any) -> None:
        if message["type"] == "http.response.body":
            await asyncio.Event().wait()

    async def nothing() -> Any:
        await asyncio.Event().wait()

    run(lambda: EventStream(endless(), lambda: ended.append(1), patience_s=0.05)({}, nothing, stuck))
    assert ended == [1]
    assert caplog.messages == ["client takes nothing and is dropped"]


def test_a_stream_ends_when_its_client_leaves() -> None:
    ended = []

    async def silent() -> Any:
        await asyncio.Event().wait()
        yield b""

    async def send(_: Any) -> None:
        pass

    async def left() -> Any:
        return {"type": "http.disconnect"}

    run(lambda: EventStream(silent(), lambda: ended.append(1))({}, left, send))
    assert ended == [1]


@pytest.mark.parametrize("event_id", ["", "1", "x", "1.2", ".".join("9" * 13), "-1" + ".0" * 11, "٣" + ".0" * 11])
def test_what_is_no_id_of_ours_is_not_read(event_id: str) -> None:
    assert read(event_id) is None


def test_a_position_is_read_as_it_was_written() -> None:
    vector = tuple(range(ENGINE_ALERTS.partitions))
    assert read(written(vector)) == vector
