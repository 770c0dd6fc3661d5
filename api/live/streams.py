"""The event streams that are open: so many a key at once, and none longer than its key's right to it."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from api.errors import TooMany
from contracts.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from api.security.keys import KeyRing
    from api.security.permit import Permit

log = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 0.25


class OpenStream:
    """One stream; `over` is set when it has to end."""

    def __init__(self, permit: Permit) -> None:
        """Begin it."""
        self.permit = permit
        self.over = asyncio.Event()


class OpenStreams:
    """Follows the file of keys while streams are open; `most` of one key or address may be, 0 is without limit."""

    def __init__(self, keys: KeyRing, *, most: int, look_every_s: float = LOOK_EVERY_S) -> None:
        """Begin with none."""
        self._keys = keys
        self._most = most
        self._look_every_s = look_every_s
        self._open: set[OpenStream] = set()
        self._held: Counter[str] = Counter()
        self._looking: asyncio.Task[None] | None = None
        self._seen: int | None = None

    def admit(self, permit: Permit) -> OpenStream:
        """Open one more, until `leave`. Raises TooMany."""
        if self._most and self._held[permit.holder] >= self._most:
            raise TooMany(
                f"{permit.holder} has {self._most} event streams open, which is as many as one may; "
                "close some, or let `api serve` allow more with --streams-per-key"
            )
        stream = OpenStream(permit)
        if not permit.is_in_force():  # its key was revoked since it was let in
            stream.over.set()
        self._held[permit.holder] += 1
        self._open.add(stream)
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._follow_keys())
        return stream

    @contextmanager
    def admitted(self, permit: Permit) -> Iterator[OpenStream]:
        """Open one more, which is over if what is done then fails. Raises TooMany."""
        stream = self.admit(permit)
        try:
            yield stream
        except BaseException:
            self.leave(stream)
            raise

    def leave(self, stream: OpenStream) -> None:
        """Forget a stream that is over."""
        if stream not in self._open:
            return
        self._open.remove(stream)
        self._held[stream.permit.holder] -= 1
        if not self._held[stream.permit.holder]:
            del self._held[stream.permit.holder]

    async def _follow_keys(self) -> None:
        self._seen = None
        while self._open:
            self._look()
            await asyncio.sleep(self._look_every_s)

    def _look(self) -> None:
        """End the streams of those who may not have them any more, if any key has changed."""
        try:
            self._keys.refresh()
        except InvalidInput as error:
            log.warning("keys cannot be read; all streams end", extra={"reason": str(error)})
            self._end(self._open)
            return
        if self._keys.changes != self._seen:
            self._seen = self._keys.changes
            self._end(stream for stream in self._open if not stream.permit.is_in_force())

    @staticmethod
    def _end(streams: Iterable[OpenStream]) -> None:
        for stream in streams:
            stream.over.set()
