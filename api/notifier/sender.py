"""One webhook's deliveries: a task, connections and a resolver of its own, so that no receiver waits for another."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Final

from api.clock import now_ms
from api.notifier.delivery import attempted, judged
from api.notifier.transport import AT_ONCE, AddressRefused, UnknownHost, permitted, pool_of
from contracts.errors import InvalidInput
from observability.metrics import NOTIFICATIONS

if TYPE_CHECKING:
    import ssl
    from collections.abc import Coroutine, Iterable

    from api.notifier.delivery import Answer
    from api.notifier.ledger import Delivery, Ledger
    from api.notifier.transport import Resolver
    from api.notifier.webhook import Webhook

log = logging.getLogger(__name__)

_IDLE_S: Final = 0.1


class WebhookSender:
    """Delivers what the ledger has due for one webhook."""

    def __init__(
        self,
        webhook: Webhook,
        ledger: Ledger,
        *,
        timeout_s: float,
        tls: ssl.SSLContext,
        resolver: Resolver,
    ) -> None:
        """Connect nothing yet; `timeout_s` bounds an attempt as a whole, however slowly its bytes come."""
        self._webhook = webhook
        self._ledger = ledger
        self._timeout_s = timeout_s
        self._resolver = resolver
        self._pool = pool_of(webhook, resolver, tls)
        self._is_failing = False

    async def check(self) -> None:
        """Look the receiver up. Raises InvalidInput when its addresses are refused; a name may be unknown as yet."""
        name, url = self._webhook.name, self._webhook.parsed_url
        host, port = url.raw_host.decode("ascii"), url.port or (443 if url.scheme == "https" else 80)
        try:
            async with asyncio.timeout(self._timeout_s):
                await permitted(self._resolver, host, port, self._webhook.networks)
        except AddressRefused as error:
            raise InvalidInput(f"webhook {name!r}: {error}; see docs/api.md") from error
        except (UnknownHost, TimeoutError) as error:
            log.warning("receiver not known as yet", extra={"webhook": name, "reason": str(error)})

    async def until(self, stopping: asyncio.Event) -> None:
        """Deliver until asked to stop, and end after the attempts in hand. Raises Unavailable for the ledger."""
        while not stopping.is_set():
            due = self._ledger.due(self._webhook.name, now_ms(), most=AT_ONCE)
            await all_or_none(self._attempt(delivery) for delivery in due)
            if len(due) < AT_ONCE:
                await asyncio.sleep(_IDLE_S)

    async def close(self) -> None:
        """Close the connections."""
        await self._pool.aclose()
        self._resolver.close()

    async def _attempt(self, delivery: Delivery) -> None:
        answer = await attempted(self._pool, self._webhook, delivery, now_ms(), timeout_s=self._timeout_s)
        verdict = judged(answer, delivery, now_ms())
        NOTIFICATIONS.labels(delivery.webhook, verdict.outcome).inc()
        self._tell(answer, is_failing=verdict.outcome == "waiting")
        if verdict.outcome == "waiting":
            self._ledger.postpone(delivery, now_ms() + verdict.wait_ms, answer.detail)
            return
        self._ledger.settle(delivery, verdict.outcome, answer.detail)
        if verdict.outcome == "dead":
            told = {"webhook": delivery.webhook, "alert_id": delivery.alert_id, "change": delivery.change}
            log.error("notification given up; --retry-dead tries it anew", extra=told | {"answer": answer.detail})

    def _tell(self, answer: Answer, *, is_failing: bool) -> None:
        """Say once that the receiver fails, and once that it takes alerts again."""
        if is_failing != self._is_failing:
            self._is_failing = is_failing
            phrase = "receiver fails, its alerts wait" if is_failing else "receiver answers again"
            log.warning(phrase, extra={"webhook": self._webhook.name, "answer": answer.detail})


async def all_or_none(works: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Run all at once; where one fails, end the others before its error goes on."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
