"""What the gate writes into the audit log: no line, no change; and refusals never push the changes out."""

from __future__ import annotations

import asyncio
import logging
import secrets
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, NamedTuple

from api.security.rate import RateLimit
from contracts.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable

    from api.security.audit import AuditLog

log = logging.getLogger(__name__)

_REFUSALS_PER_S: Final = 0.1
_REFUSALS_BURST_S: Final = 600.0
"""Of each who asks, 60 refusals at once and 6 a minute are noted; of the rest, how many there were.

As many changes of each may be let through and then come to nothing; beyond that none is let through for a while.
"""


class Request(NamedTuple):
    """Who asks for what, and from which address."""

    who: str
    did: str
    client: str | None


class Journal:
    """Lines about changes that are asked for over HTTP."""

    def __init__(self, audit: AuditLog, monotonic_s: Callable[[], float]) -> None:
        """Write into an audit log."""
        self._audit = audit
        self._monotonic_s = monotonic_s
        self._limit = RateLimit(_REFUSALS_PER_S, burst_s=_REFUSALS_BURST_S)
        self._unnoted: dict[str, int] = {}
        self._in_vain = RateLimit(_REFUSALS_PER_S, burst_s=_REFUSALS_BURST_S)

    async def refused(self, request: Request, status: HTTPStatus) -> None:
        """Note a refusal, unless there were too many; it stays one if it cannot be noted."""
        if self._limit.wait_s(request.who, self._monotonic_s()):
            self._unnoted[request.who] = self._unnoted.get(request.who, 0) + 1
            return
        unnoted = self._unnoted.pop(request.who, 0)
        facts = {"status": status.value} | ({"refused_before": unnoted} if unnoted else {})
        await self._told(request, **facts)

    def wait_s(self, request: Request) -> float:
        """Return 0 if a change may begin, which then must end; else the seconds after which one may."""
        return self._in_vain.wait_s(request.who, self._monotonic_s())

    async def begun(self, request: Request) -> str:
        """Note a change that is let through, and return its id. Raises InvalidInput: then it must not be."""
        change = secrets.token_hex(6)
        try:
            await self._note(request, change=change)
        except InvalidInput:
            self._in_vain.give_back(request.who)
            raise
        return change

    async def ended(self, request: Request, change: str, status: int | None) -> None:
        """Note how a change ended; None: no answer was given. Unless it was refused (4xx), it counts no more."""
        if status is None or not HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
            self._in_vain.give_back(request.who)
        await self._told(request, change=change, status=status)

    async def _told(self, request: Request, **facts: object) -> None:
        try:
            await self._note(request, **facts)
        except InvalidInput as error:
            log.error("audit line lost", extra={"why": str(error), "did": request.did[:200]})  # noqa: TRY400 - a disk, no defect

    async def _note(self, request: Request, **facts: object) -> None:
        # In a thread, since a slow disk must not hold up the streams.
        await asyncio.to_thread(self._audit.note, request.who, request.did, **facts, **{"from": request.client})
