"""Whatever a receiver answers is its own failed attempt, and nobody else's matter."""

from __future__ import annotations

import asyncio
import logging
import ssl
from pathlib import Path

import httpcore
import pytest
from certificates import made_certificates
from eventually import eventually_async
from strangers import HARMS, strangers

from api.clock import now_ms
from api.notifier.bounded import MOST_ANSWER_BYTES, AnswerTooLong, BoundedStream
from api.notifier.delivery import Answer, attempted
from api.notifier.ledger import Delivery, Ledger
from api.notifier.sender import WebhookSender, all_or_none
from api.notifier.transport import AT_ONCE, SystemResolver, pool_of
from api.notifier.webhook import Webhook

SECRET = "sixteen characters"  # noqa: S105 - of a test
GOOD = 40


def a_delivery(webhook: str = "w", alert_id: str = "a") -> Delivery:
    return Delivery(webhook, alert_id, 1, b"{}", now_ms(), 0)


def a_webhook(name: str, port: int, *, before: str = "", path: str = "/") -> Webhook:
    scheme = "https" if name.startswith("tls-") else "http"
    return Webhook(name, f"{scheme}://{before}127.0.0.1:{port}{path}", SECRET, allowed_networks=("127.0.0.1",))


async def answer_of(webhook: Webhook, tls: ssl.SSLContext | None = None) -> Answer:
    async with pool_of(webhook, SystemResolver(), tls or ssl.create_default_context()) as pool:
        return await attempted(pool, webhook, a_delivery(), now_ms(), timeout_s=60)


async def kind(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while (await reader.readuntil(b"\r\n\r\n")) and await reader.readexactly(2):
        writer.write(b"HTTP/1.1 204 No Content\r\nset-cookie: a=b\r\n\r\n")


async def test_whatever_a_receiver_answers_is_a_failed_attempt_of_its_own(tmp_path: Path) -> None:
    made = made_certificates(tmp_path)
    trusting = ssl.create_default_context(cafile=made.authority)
    with strangers(made) as servers:
        answers = {name: await answer_of(a_webhook(name, one.port), trusting) for name, one in servers.items()}
    assert all(answer.detail for answer in answers.values())
    by_status = {name: answer.status for name, answer in answers.items()}
    assert by_status == dict.fromkeys(HARMS) | {"redirect-to-no-name": 302, "odd-status": 999}


async def test_beside_receivers_of_every_bad_kind_a_good_one_gets_all_and_so_after_a_restart(tmp_path: Path) -> None:
    made = made_certificates(tmp_path)
    trusting, ledger = ssl.create_default_context(cafile=made.authority), Ledger(tmp_path / "ledger.db")
    server = await asyncio.start_server(kind, "127.0.0.1", 0)
    with strangers(made) as servers:
        ports = {"good": server.sockets[0].getsockname()[1]} | {name: one.port for name, one in servers.items()}
        for began in (0, GOOD):
            counts = dict.fromkeys(ports, 2 * AT_ONCE) | {"good": GOOD}
            ledger.take([a_delivery(name, f"a{began + n}") for name in ports for n in range(counts[name])], {})
            visits = {name: one.visits for name, one in servers.items()}
            await deliver(ledger, ports, trusting, all_good=began + GOOD)
            assert all(one.visits > visits[name] for name, one in servers.items())
    server.close()
    ledger.close()


async def deliver(ledger: Ledger, ports: dict[str, int], tls: ssl.SSLContext, *, all_good: int) -> None:
    """Let all senders work until the good one has its own and each bad one was asked; whatever they raise is raised."""
    stopping = asyncio.Event()
    senders = [
        WebhookSender(a_webhook(name, port), ledger, timeout_s=60, tls=tls, resolver=SystemResolver())
        for name, port in ports.items()
    ]

    async def stop() -> None:
        async def is_done() -> bool:
            waiting = [ledger.due(name, now_ms() + 3_600_000, most=1) for name in ports if name != "good"]
            return ledger.count("delivered") >= all_good and all(not due or due[0].attempts for due in waiting)

        await eventually_async(is_done, within_s=120)
        stopping.set()

    await all_or_none([stop(), *(sender.until(stopping) for sender in senders)])
    for sender in senders:
        await sender.close()


class Pouring(httpcore.AsyncNetworkStream):
    """Has as much to read as anybody asks for."""

    def __init__(self) -> None:
        self.read_bytes = 0

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109, ARG002 - httpcore's
        self.read_bytes += max_bytes
        return b"x" * max_bytes

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - httpcore's
        pass


async def read_to_its_end(stream: BoundedStream) -> None:
    while await stream.read(65_536):
        pass


async def test_an_answer_has_a_bound_and_others_have_their_turn_within_it() -> None:
    pouring, turns = Pouring(), 0
    stream = BoundedStream(pouring)

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    working = asyncio.ensure_future(other())
    for _ in range(2):  # a request begins the count anew
        pouring.read_bytes = turns = 0
        await stream.write(b"POST")
        with pytest.raises(AnswerTooLong):
            await read_to_its_end(stream)
        assert pouring.read_bytes == MOST_ANSWER_BYTES
        assert turns >= 8
    working.cancel()


async def test_no_cookie_is_kept_and_no_log_or_ledger_tells_the_url(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    heads: list[bytes] = []

    async def repeat(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            heads.append(head)
            await reader.readexactly(2)
            body = head + SECRET.encode()
            writer.write(b"HTTP/1.1 503 X\r\nset-cookie: a=b\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))

    caplog.set_level(logging.DEBUG)
    server, ledger = await asyncio.start_server(repeat, "127.0.0.1", 0), Ledger(tmp_path / "ledger.db")
    port = server.sockets[0].getsockname()[1]
    webhook = a_webhook("workshop", port, before="user:pa%20ss@", path="/services/T0KEN?token=HIDDEN")
    ledger.take([a_delivery("workshop", alert_id) for alert_id in ("a", "b")], {})
    sender = WebhookSender(webhook, ledger, timeout_s=60, tls=ssl.create_default_context(), resolver=SystemResolver())
    stopping = asyncio.Event()
    working = asyncio.ensure_future(sender.until(stopping))

    async def was_tried_again() -> bool:
        return len(heads) > 3

    await eventually_async(was_tried_again)
    stopping.set()
    await working
    await sender.close()
    server.close()
    told = caplog.text + str([record.__dict__ for record in caplog.records if record.name.startswith(("api", "httpx"))])
    kept = str(ledger._connection.execute("SELECT detail FROM deliveries").fetchall())
    ledger.close()
    assert b"POST /services/T0KEN?token=HIDDEN HTTP/1.1" in heads[0]
    assert b"\r\nAuthorization: Basic dXNlcjpwYSBzcw==\r\n" in heads[0]
    assert not any(b"cookie" in head.lower() for head in heads)
    assert "workshop" in told
    assert "503 POST" in kept
    for secret in ("T0KEN", "HIDDEN", "pa ss", "pa%20ss", "dXNlcjpw", SECRET):
        assert secret not in told + kept
