"""Streams are counted by key, and end with the right to them."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from eventually import eventually_async
from keyed_api import a_key
from serving import NOW_MS

from api.errors import TooMany
from api.live.response import EventStream
from api.live.streams import LOOK_EVERY_S, OpenStreams
from api.security.keys import ApiKey, KeyRing, digest, read_keys, revoked, write_keys
from api.security.permit import Permit
from api.security.roles import Access
from api.server import UNREAD_MS, listen

ALERTS, POSITIONS, OF_ADMINS = Access(), Access(tells_places=True), Access("admin")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


def changed(file: Path, **fields: Any) -> None:
    write_keys(file, [msgspec.structs.replace(key, **fields) for key in read_keys(file)])


def a_permit(ring: KeyRing, key: str | None, needed: Access = ALERTS, address: str = "127.0.0.1") -> Permit:
    ring.refresh()
    return Permit(ring, ring.holder(key) if key else None, {"client": (address, 1)}, needed)


def over(file: Path, permit_of: Any, change: Any) -> bool:
    """Return whether a stream is over once the change of the file of keys was seen."""

    async def story() -> bool:
        ring = KeyRing(file)
        streams = OpenStreams(ring, most=9, look_every_s=0.001)
        mine, witness = streams.admit(permit_of(ring)), streams.admit(a_permit(ring, None, address="witness"))
        ending = asyncio.create_task(mine.over.wait())
        await asyncio.sleep(0.01)
        assert not mine.over.is_set()
        seen = ring.changes
        change(file)
        await eventually_async(lambda: _either(ending.done(), ring.changes > seen))
        await asyncio.sleep(0.05)
        ending.cancel()
        streams.leave(witness)
        streams.leave(mine)
        return mine.over.is_set()

    return asyncio.run(story())


async def _either(*claims: bool) -> bool:
    return any(claims)


def test_the_keys_are_looked_at_often_enough_to_end_a_stream_within_a_second() -> None:
    assert LOOK_EVERY_S <= 0.5


def test_a_stream_ends_with_its_key(file: Path) -> None:
    key = a_key(file)
    a_key(file, "bob")
    assert over(file, lambda ring: a_permit(ring, key), _revoke_ann)


def test_a_stream_goes_on_when_another_key_is_revoked(file: Path) -> None:
    a_key(file)
    other = a_key(file, "bob")
    assert not over(file, lambda ring: a_permit(ring, other), _revoke_ann)


def test_a_stream_ends_when_the_file_of_keys_is_gone_or_damaged(file: Path) -> None:
    key = a_key(file)
    assert over(file, lambda ring: a_permit(ring, key), lambda path: path.write_text("{"))
    file.unlink()
    key = a_key(file)
    assert over(file, lambda ring: a_permit(ring, key), lambda path: path.unlink())


def test_a_stream_that_needed_no_key_ends_with_the_first_key(file: Path) -> None:
    assert over(file, lambda ring: a_permit(ring, None), a_key)


def test_a_stream_of_positions_ends_when_the_key_sees_none_any_more(file: Path) -> None:
    key = a_key(file, positions=True)
    assert over(file, lambda ring: a_permit(ring, key, POSITIONS), lambda path: changed(path, sees_positions=False))


def test_a_stream_ends_when_the_role_falls_below_what_it_needs(file: Path) -> None:
    key = a_key(file, role="admin")
    assert over(file, lambda ring: a_permit(ring, key, OF_ADMINS), lambda path: changed(path, role="operator"))


def test_what_a_key_may_see_is_asked_of_the_keys_as_they_are(file: Path) -> None:
    ring, key = KeyRing(file), a_key(file, positions=True)
    permit = a_permit(ring, key)
    assert permit.sees_positions()
    changed(file, sees_positions=False)
    ring.refresh()
    assert not permit.sees_positions()
    assert permit.is_in_force()


def test_a_key_that_was_revoked_on_the_way_in_gets_nothing(file: Path) -> None:
    async def story() -> bool:
        ring, key = KeyRing(file), a_key(file)
        permit = a_permit(ring, key)
        _revoke_ann(file)
        ring.refresh()
        return OpenStreams(ring, most=9).admit(permit).over.is_set()

    assert asyncio.run(story())


def test_a_key_or_an_address_has_so_many_streams_and_no_more(file: Path) -> None:
    async def story() -> None:
        ring = KeyRing(file)
        streams = OpenStreams(ring, most=2)
        here, there = a_permit(ring, None), a_permit(ring, None, address="127.0.0.2")
        first, _ = streams.admit(here), streams.admit(here)
        with pytest.raises(TooMany, match=r"127\.0\.0\.1.* 2 event streams.*--streams-per-key"):
            streams.admit(here)
        streams.admit(there)
        streams.leave(first)
        streams.leave(first)
        streams.admit(here)
        with pytest.raises(TooMany):
            streams.admit(here)

    asyncio.run(story())


def test_a_stream_that_could_not_be_joined_is_not_counted(file: Path) -> None:
    async def story() -> None:
        ring = KeyRing(file)
        streams, permit = OpenStreams(ring, most=1), a_permit(ring, None)
        with pytest.raises(OSError, match="store"), streams.admitted(permit):
            raise OSError("no store")
        streams.admit(permit)

    asyncio.run(story())


def test_an_answer_that_is_over_ends_whole_and_at_once() -> None:
    sent: list[dict[str, Any]] = []

    async def silent() -> AsyncGenerator[bytes, None]:
        yield b"first"
        await asyncio.Event().wait()

    async def send(message: Any) -> None:
        sent.append(message)

    async def nothing() -> Any:
        await asyncio.Event().wait()

    async def story() -> list[int]:
        ended: list[int] = []
        over = asyncio.Event()
        answering = asyncio.create_task(EventStream(silent(), lambda: ended.append(1), over=over)({}, nothing, send))
        await eventually_async(lambda: _begun(sent), within_s=5)
        over.set()
        await asyncio.wait_for(answering, 5)
        return ended

    assert asyncio.run(story()) == [1]
    assert [(one.get("body"), one.get("more_body")) for one in sent[1:]] == [(b"first", True), (b"", False)]


async def _begun(sent: list[dict[str, Any]]) -> bool:
    return len(sent) > 1


def _revoke_ann(file: Path) -> None:
    write_keys(file, revoked(read_keys(file), "ann", at_ms=NOW_MS))


def test_keys_that_change_are_counted_once_a_change(file: Path) -> None:
    ring = KeyRing(file)
    before, key = ring.changes, a_key(file)
    ring.refresh()
    ring.refresh()
    assert ring.changes == before + 1
    held = ring.holder(key)
    assert isinstance(held, ApiKey)
    assert held.sha256 == digest(key)


@pytest.mark.skipif(sys.platform != "linux", reason="the option is Linux's")
def test_the_system_cuts_connections_whose_client_takes_nothing() -> None:
    with listen("127.0.0.1", 0) as server, socket.create_connection(server.getsockname()[:2]):
        accepted, _ = server.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == UNREAD_MS
