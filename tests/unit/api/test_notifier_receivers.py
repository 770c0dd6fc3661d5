"""Receivers of notifications that do harm, or stand where they must not: real servers, real sockets."""

from __future__ import annotations

import asyncio
import itertools
import ssl
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpcore
import pytest
from certificates import made_certificates, serving_tls
from eventually import eventually_async

from api.clock import now_ms
from api.notifier.addresses import may_reach
from api.notifier.delivery import Answer, attempted, judged
from api.notifier.ledger import Delivery, Ledger
from api.notifier.program import Notifier
from api.notifier.sender import WebhookSender
from api.notifier.transport import AT_ONCE, Resolver, SystemResolver, pool_of
from api.notifier.webhook import Webhook, load_webhooks
from api.settings import NotifierSettings
from contracts.errors import InvalidInput, Unavailable

SECRET = "sixteen characters"  # noqa: S105 - of a test
LOOPBACK = ("127.0.0.0/8",)
OK = b"HTTP/1.1 204 No Content\r\n\r\n"
Talk = Callable[[asyncio.StreamWriter], Awaitable[None]]


class Receiver:
    """Takes a request, then does what a test says."""

    def __init__(self, talk: Talk) -> None:
        self.requests: list[bytes] = []
        self.port = 0
        self._talk = talk

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                self.requests.append(head)
                length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
                await reader.readexactly(int(length.split(b":")[1]))
                await self._talk(writer)
        except (OSError, asyncio.IncompleteReadError):
            pass  # whoever asked has gone
        finally:
            writer.close()


@asynccontextmanager
async def a_receiver(talk: Talk, tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    receiver = Receiver(talk)
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0, ssl=tls)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()


async def say(writer: asyncio.StreamWriter, *parts: bytes, gap_s: float = 0.0) -> None:
    for part in parts:
        writer.write(part)
        await writer.drain()
        await asyncio.sleep(gap_s)


async def take(writer: asyncio.StreamWriter) -> None:
    await say(writer, OK)


async def trickle(writer: asyncio.StreamWriter) -> None:
    for part in itertools.chain([b"HTTP/1.1 200 OK\r\n"], itertools.repeat(b"x-more: 1\r\n")):
        await say(writer, part, gap_s=0.05)


async def trickle_the_body(writer: asyncio.StreamWriter) -> None:
    for part in itertools.chain([b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n"], itertools.repeat(b"x")):
        await say(writer, part, gap_s=0.05)


class Names:
    """A name server that answers what a test says, one look-up after the other; the last answer stays."""

    def __init__(self, *answers: list[str]) -> None:
        self._answers = list(answers)

    async def addresses(self, host: str, port: int) -> list[str]:  # noqa: ARG002 - the protocol's
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]

    def close(self) -> None:
        pass


def a_delivery(webhook: str = "w", alert_id: str = "a") -> Delivery:
    return Delivery(webhook, alert_id, 1, b"{}", now_ms(), 0)


def a_webhook(port: int, *, name: str = "w", host: str = "127.0.0.1", allowed: tuple[str, ...] = LOOPBACK) -> Webhook:
    return Webhook(name, f"http://{host}:{port}/hook", SECRET, allowed_networks=allowed)


async def answer_of(webhook: Webhook, *, timeout_s: float = 30.0, resolver: Resolver | None = None) -> Answer:
    names = resolver or SystemResolver()
    async with pool_of(webhook, names, ssl.create_default_context()) as pool:
        try:
            return await attempted(pool, webhook, a_delivery(), now_ms(), timeout_s=timeout_s)
        finally:
            names.close()


def a_sender(
    webhook: Webhook, ledger: Ledger, *, timeout_s: float = 30.0, resolver: Resolver | None = None
) -> WebhookSender:
    names = resolver or SystemResolver()
    return WebhookSender(webhook, ledger, timeout_s=timeout_s, tls=ssl.create_default_context(), resolver=names)


async def test_a_receiver_that_trickles_delays_no_other(tmp_path: Path) -> None:
    ledger, stopping = Ledger(tmp_path / "ledger.db"), asyncio.Event()
    ledger.take([a_delivery(name, f"a{n}") for name in ("slow", "good") for n in range(3 * AT_ONCE)], {})
    async with a_receiver(trickle) as slow, a_receiver(take) as good:
        webhooks = [a_webhook(slow.port, name="slow"), a_webhook(good.port, name="good")]
        senders = [a_sender(webhook, ledger, timeout_s=3600) for webhook in webhooks]  # the slow one never ends
        working = [asyncio.ensure_future(sender.until(stopping)) for sender in senders]

        async def all_good() -> bool:
            return ledger.count("delivered") == 3 * AT_ONCE and len(slow.requests) > 0

        await eventually_async(all_good, within_s=60)
        assert (ledger.count("waiting"), len(slow.requests)) == (3 * AT_ONCE, AT_ONCE)
        for work in working:
            work.cancel()
        await asyncio.gather(*working, return_exceptions=True)
        for sender in senders:
            await sender.close()
    ledger.close()


async def test_an_attempt_ends_as_a_whole_though_every_read_brings_something() -> None:
    async with a_receiver(trickle) as receiver:
        answer = await answer_of(a_webhook(receiver.port), timeout_s=0.5)
    assert answer == Answer(None, "no answer within 0.5 s")
    assert judged(answer, a_delivery(), now_ms()).outcome == "waiting"


async def test_a_status_counts_though_its_body_never_ends() -> None:
    async with a_receiver(trickle_the_body) as receiver:
        answer = await answer_of(a_webhook(receiver.port), timeout_s=0.5)
    assert answer.status == 200
    assert judged(answer, a_delivery(), now_ms()).outcome == "delivered"


async def test_what_is_packed_is_not_asked_for_and_not_unpacked() -> None:
    packer = zlib.compressobj(wbits=31)
    bomb = b"".join(packer.compress(bytes(1_000_000)) for _ in range(200)) + packer.flush()
    head = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(bomb)

    async def explode(writer: asyncio.StreamWriter) -> None:
        await say(writer, head, bomb)

    async with a_receiver(explode) as receiver:
        tracemalloc.start()
        answer = await answer_of(a_webhook(receiver.port))
        _, peak_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert answer.status == 200
    assert b"accept-encoding: identity" in receiver.requests[0].lower()
    assert peak_bytes < 20_000_000


async def test_an_answer_without_end_is_read_up_to_a_bound() -> None:
    async def pour(writer: asyncio.StreamWriter) -> None:
        await say(writer, b"HTTP/1.1 500 Broken\r\ncontent-length: 100000000000\r\n\r\n")
        while True:
            await say(writer, b"\x1b[2J" * 10_000)

    async with a_receiver(pour) as receiver:
        answer = await answer_of(a_webhook(receiver.port), timeout_s=3600)
    assert answer.status == 500
    assert len(answer.detail) < 300


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]"])
async def test_a_private_address_is_refused_however_it_is_written(host: str) -> None:
    async with a_receiver(take) as receiver:
        answer = await answer_of(a_webhook(receiver.port, host=host, allowed=()))
        assert answer.status is None
        assert "add allowed_networks = [" in answer.detail
        assert not receiver.requests


async def test_a_name_that_resolves_to_loopback_is_refused_unless_its_webhook_allows_it() -> None:
    names = Names(["127.0.0.1"])
    async with a_receiver(take) as receiver:
        refused = a_webhook(receiver.port, host="receiver.example", allowed=("10.0.0.0/8",))
        assert (await answer_of(refused, resolver=names)).status is None
        assert not receiver.requests
        allowed = a_webhook(receiver.port, host="receiver.example", allowed=("127.0.0.1",))
        assert (await answer_of(allowed, resolver=names)).status == 204
        assert b"host: receiver.example:" in receiver.requests[0].lower()


async def test_a_name_that_was_public_at_the_start_is_refused_once_it_is_not(tmp_path: Path) -> None:
    ledger, stopping = Ledger(tmp_path / "ledger.db"), asyncio.Event()
    ledger.take([a_delivery()], {})
    async with a_receiver(take) as receiver:
        webhook = a_webhook(receiver.port, host="rebinds.example", allowed=())
        sender = a_sender(webhook, ledger, resolver=Names(["93.184.215.14"], ["127.0.0.1"]))
        await sender.check()
        working = asyncio.ensure_future(sender.until(stopping))

        async def has_tried() -> bool:
            return ledger.due("w", now_ms() + 3_600_000, most=1)[0].attempts > 0

        await eventually_async(has_tried)
        stopping.set()
        await working
        await sender.close()
        assert (ledger.count("waiting"), receiver.requests) == (1, [])
    ledger.close()


class Away(httpcore.AsyncNetworkBackend):
    """A network on which nobody answers; notes which addresses were tried."""

    def __init__(self) -> None:
        self.tried: list[str] = []

    async def connect_tcp(self, host: str, *_: object, **__: object) -> httpcore.AsyncNetworkStream:
        self.tried.append(host)
        raise httpcore.ConnectError("away")


async def test_the_connection_is_made_to_the_addresses_that_were_checked() -> None:
    names = Names(["10.0.0.1", "93.184.215.14", "2606:2800:21f::1"], ["127.0.0.1"])
    webhook, network = a_webhook(80, host="receiver.example", allowed=()), Away()
    async with pool_of(webhook, names, ssl.create_default_context(), network) as pool:
        answers = [await attempted(pool, webhook, a_delivery(), now_ms(), timeout_s=30) for _ in range(2)]
    assert network.tried == ["93.184.215.14", "2606:2800:21f::1"]
    assert "2606:2800:21f::1: ConnectError('away')" in answers[0].detail
    assert "127.0.0.1/32" in answers[1].detail


async def test_a_certificate_is_that_of_the_name_not_of_the_address(tmp_path: Path) -> None:
    made = made_certificates(tmp_path)
    trusting = ssl.create_default_context(cafile=made.authority)

    async def answer_at(host: str, port: int) -> Answer:
        webhook = Webhook("w", f"https://{host}:{port}/", SECRET, allowed_networks=LOOPBACK)
        async with pool_of(webhook, Names(["127.0.0.1"]), trusting) as pool:
            return await attempted(pool, webhook, a_delivery(), now_ms(), timeout_s=30)

    async with a_receiver(take, serving_tls(made)) as receiver:
        assert (await answer_at("localhost", receiver.port)).status == 204
        refused = await answer_at("receiver.example", receiver.port)
        assert refused.status is None
        assert "receiver.example" in refused.detail


async def test_a_redirect_leads_nowhere() -> None:
    async with a_receiver(take) as target:

        async def redirect(writer: asyncio.StreamWriter) -> None:
            location = f"location: http://127.0.0.1:{target.port}/\r\n".encode()
            await say(writer, b"HTTP/1.1 307 Elsewhere\r\ncontent-length: 0\r\n" + location + b"\r\n")

        async with a_receiver(redirect) as receiver:
            answer = await answer_of(a_webhook(receiver.port))
        assert (answer.status, target.requests) == (307, [])
        assert judged(answer, a_delivery(), now_ms()).outcome == "dead"


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.100.100.200", "168.63.129.16",
        "192.0.0.192", "0.0.0.1", "255.255.255.255", "224.0.0.1", "198.18.0.1", "::", "::1", "fe80::1%eth0",
        "fd00:ec2::254", "ff0e::1", "::ffff:169.254.169.254", "::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::",
        "2001:0:7f00:1::", "2001:0:808:808::", "64:ff9b:1::7f00:1", "fec0::1", "::ffff:0:127.0.0.1", "3fff::1",
        "100:0:0:1::1", "2001:db8::1", "4000::1", "5f00::1", "::ffff:64:ff9b", "192.88.99.1", "240.0.0.1",
    ],
)  # fmt: skip
def test_addresses_that_are_not_public_are_refused(address: str) -> None:
    assert not may_reach(address, [])


@pytest.mark.parametrize(
    "address", ["93.184.215.14", "2606:2800:21f::1", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::"]
)
def test_public_addresses_need_no_leave(address: str) -> None:
    assert may_reach(address, [])


def test_leave_is_for_the_networks_that_are_named_and_no_other() -> None:
    networks = a_webhook(1, allowed=("10.1.0.0/16", "fd00::/64")).networks
    assert may_reach("10.1.2.3", networks)
    assert may_reach("::ffff:10.1.2.3", networks)
    assert may_reach("fd00::1", networks)
    assert not may_reach("10.2.0.1", networks)
    assert not may_reach("169.254.169.254", networks)


@pytest.mark.parametrize("network", ["10.1.0.0/33", "10.1.2.3/16", "localhost", ""])
def test_what_is_no_network_is_refused_by_place(tmp_path: Path, network: str) -> None:
    file = tmp_path / "w.toml"
    file.write_text(a_file("http://x", f'allowed_networks = ["{network}"]\n'))
    with pytest.raises(InvalidInput, match=r"does not appear to be|has host bits set|not permitted"):
        load_webhooks(file)


def a_file(url: str, more: str = "") -> str:
    return f'[[webhook]]\nname = "workshop"\nurl = "{url}"\nsecret = "{SECRET}"\n{more}'


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_file_from_before_is_refused_at_the_start_with_the_key_to_add(tmp_path: Path, host: str) -> None:
    (tmp_path / "w.toml").write_text(a_file(f"http://{host}:1/hook"))
    settings = NotifierSettings(webhooks=tmp_path / "w.toml", ledger=tmp_path / "l.db", bootstrap="127.0.0.1:1", wait=1)
    with pytest.raises(InvalidInput, match=r"webhook 'workshop': .* add allowed_networks = \[.*\"127\.0\.0\.1/32\""):
        await Notifier(settings).run()


@pytest.mark.parametrize(
    "url", ["http://receiver.example:port/hook", "https:///x", "https://us:pa/ss@host/", "http://:1"]
)
async def test_a_url_that_cannot_be_asked_is_refused_at_the_start_and_not_shown(tmp_path: Path, url: str) -> None:
    (tmp_path / "w.toml").write_text(a_file(url))
    settings = NotifierSettings(webhooks=tmp_path / "w.toml", ledger=tmp_path / "l.db", bootstrap="127.0.0.1:1", wait=1)
    with pytest.raises(InvalidInput, match="workshop") as caught:
        await Notifier(settings).run()
    assert not any(part in str(caught.value) for part in ("port/", "pa/", "'pa'", "ss@"))


async def test_a_name_that_is_not_known_at_the_start_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "w.toml").write_text(a_file("http://receiver.invalid/hook"))
    settings = NotifierSettings(webhooks=tmp_path / "w.toml", ledger=tmp_path / "l.db", bootstrap="127.0.0.1:1", wait=1)
    with pytest.raises(Unavailable, match="no Kafka broker"):
        await Notifier(settings).run()


async def test_a_full_disk_ends_with_the_remedy_and_loses_nothing(tmp_path: Path) -> None:
    ledger, stopping = Ledger(tmp_path / "ledger.db"), asyncio.Event()
    ledger.take([a_delivery()], {0: 1})
    ledger._connection.execute("PRAGMA max_page_count = 1")
    many = [a_delivery(alert_id=f"b{n}") for n in range(10_000)]
    with pytest.raises(Unavailable, match=r"ledger\.db .* full.*free some space"):
        ledger.take(many, {0: 10_001})
    ledger._connection.execute("PRAGMA max_page_count = 1000000")
    assert (ledger.positions(), ledger.count("waiting")) == ({0: 1}, 1)
    ledger._connection.execute("PRAGMA query_only = ON")
    async with a_receiver(take) as receiver:
        sender = a_sender(a_webhook(receiver.port), ledger)
        with pytest.raises(Unavailable, match="free some space"):
            await sender.until(stopping)
        await sender.close()
    ledger.close()
    assert [one.alert_id for one in Ledger(tmp_path / "ledger.db").due("w", now_ms(), most=9)] == ["a"]


def test_what_waits_for_a_webhook_that_was_taken_out_is_given_up(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.db")
    ledger.take([a_delivery("gone"), a_delivery("stays")], {})
    assert ledger.drop_others({"stays": None}) == 1
    assert (ledger.count("dead"), ledger.count("waiting")) == (1, 1)
