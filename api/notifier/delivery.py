"""One attempt to deliver, and what follows from it: delivered, tried again later, or dead."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

import httpcore

from api.notifier.signature import HEADER, signed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractAsyncContextManager

    from api.notifier.ledger import Delivery
    from api.notifier.webhook import Webhook

FIRST_WAIT_MS: Final = 1_000
LONGEST_WAIT_MS: Final = 5 * 60 * 1_000
GIVEN_UP_AFTER_MS: Final = 24 * 60 * 60 * 1_000
MOST_READ_BYTES: Final = 1_024
"""Of an answer's body, which only helps a person who looks for the reason of a failure."""
_CONNECTING: Final = 0.25
"""Share of the time that one address may take to connect, so that a second one gets its turn."""
_USER_AGENT: Final = "connected-cars-notifier"
_WORTH_ANOTHER_TRY: Final = frozenset(
    {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
)


class Answer(NamedTuple):
    """What the receiver said; status None when it did not answer."""

    status: int | None
    detail: str


class Verdict(NamedTuple):
    """What becomes of a delivery; `wait_ms` until the next attempt."""

    outcome: Literal["delivered", "dead", "waiting"]
    wait_ms: int = 0


def judged(answer: Answer, delivery: Delivery, now_ms: int) -> Verdict:
    """Judge an attempt: 2xx is delivered; what the receiver refuses for good, or for a day, is dead.

    Waits double from 1 s up to 5 minutes.
    """
    status = answer.status
    if status is not None and HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return Verdict("delivered")
    refuses = status is not None and status < HTTPStatus.INTERNAL_SERVER_ERROR and status not in _WORTH_ANOTHER_TRY
    if refuses or now_ms - delivery.taken_at_ms > GIVEN_UP_AFTER_MS:
        return Verdict("dead")
    return Verdict("waiting", min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** min(delivery.attempts, 20)))


async def attempted(
    pool: httpcore.AsyncConnectionPool, webhook: Webhook, delivery: Delivery, now_ms: int, *, timeout_s: float
) -> Answer:
    """Send it once; the attempt as a whole, body and all, ends within `timeout_s`.

    The key tells a receiver that it had this one already, should we die before noting its answer.
    """
    headers = {
        "Content-Type": "application/json",
        "Idempotency-Key": f"{delivery.alert_id}:{delivery.change}",
        HEADER: signed(webhook.secret, delivery.body, now_ms // 1000),
    }
    answer = Answer(None, f"no answer within {timeout_s:g} s")
    try:
        async with asyncio.timeout(timeout_s), _asked(pool, webhook, headers, delivery.body, timeout_s) as response:
            answer = Answer(response.status, str(response.status))
            beginning = webhook.without_secrets(await _beginning(response))
            answer = Answer(response.status, f"{response.status} {beginning[:200]}")
    except TimeoutError:
        pass  # a status that came is an answer, though its body did not end
    except Exception as error:  # noqa: BLE001 - a stranger answers: whatever his bytes raise in TLS, HTTP or our own
        # reading of them is a failed attempt of his, and must end neither the program nor anybody else's deliveries
        if answer.status is None:
            return Answer(None, webhook.without_secrets(repr(error))[:300])
    return answer


def _asked(
    pool: httpcore.AsyncConnectionPool, webhook: Webhook, headers: Mapping[str, str], body: bytes, timeout_s: float
) -> AbstractAsyncContextManager[httpcore.Response]:
    url = webhook.parsed_url
    asked = {"Host": url.netloc.decode("ascii"), "User-Agent": _USER_AGENT, "Accept-Encoding": "identity", **headers}
    if webhook.authorization:
        asked["Authorization"] = webhook.authorization
    return pool.stream(
        "POST",
        httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
        headers={name: value.encode() for name, value in asked.items()},
        content=body,
        extensions={"timeout": {"connect": timeout_s * _CONNECTING}},
    )


async def _beginning(response: httpcore.Response) -> str:
    """Return the first bytes of a body as they came: what is packed is not unpacked, and the rest is not read."""
    read = b""
    async for part in response.aiter_stream():
        read += part
        if len(read) >= MOST_READ_BYTES:
            break
    return read[:MOST_READ_BYTES].decode("utf-8", "replace")
