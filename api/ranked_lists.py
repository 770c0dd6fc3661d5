"""Whole rankings remembered with the moment they are of, so that pages cost nothing and a large fleet not too much."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections import OrderedDict
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, NamedTuple

from api.queries.efficiency import ranked
from api.queries.served import served, store_state

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from api.queries.efficiency import RankedList, Ranking
    from api.queries.served import Served, StoreState
    from api.store.database import Store

log = logging.getLogger(__name__)

_MOST: Final = 8
_MOST_PAGES: Final = 50
_LONGEST_PAGE_BYTES: Final = 64 * 1024
_EXPORT_BYTES: Final = 4 * 1024 * 1024
"""What the longer ones of a list may have together: an export of 25,000 places."""
_OLDEST_S: Final = 10.0
_SHARE: Final = 10.0
"""A list may be this many times as old as it took to compute: that bounds what computing takes to a tenth."""
_QUICK_S: Final = 0.5
"""Taken off, so that what takes a twentieth of a second is always of this moment."""
_MEANWHILE: Final = 5.0
"""Beyond that age a list does for so many times what it took, while the next is computed."""
_NICENESS: Final = 10


class Remembered(NamedTuple):
    """A ranking, and the moment of the store that it is of."""

    ranking: Ranking
    state: StoreState
    served: Served
    places: RankedList
    computed_s: float
    took_s: float
    pages: dict[tuple[object, ...], bytes]
    """Those sent before, by what was asked for; they are of the same moment, and many ask for the first."""

    def keep(self, asked: tuple[object, ...], page: bytes) -> bytes:
        """Remember a page, unless there are many or it is too long, and give the one that is remembered."""
        if asked in self.pages:
            return self.pages[asked]
        long_ones = [known for known in self.pages.copy().values() if len(known) >= _LONGEST_PAGE_BYTES]
        has_room = len(page) < _LONGEST_PAGE_BYTES or sum(map(len, long_ones)) + len(page) <= _EXPORT_BYTES
        if len(self.pages) < _MOST_PAGES and has_room:
            self.pages[asked] = page
        return page

    def newest_s(self) -> float:
        """Give the age up to which nothing newer is wanted, in seconds."""
        return min(_OLDEST_S, _SHARE * self.took_s - _QUICK_S)


class RankedLists:
    """The rankings asked for last; one is computed at a time, however many ask for it.

    One that takes long is computed anew beside the answers, by a thread that gives way to all others.
    """

    def __init__(
        self, store: Store, *, monotonic_s: Callable[[], float] = time.monotonic, beside: Executor | None = None
    ) -> None:
        """Begin with none."""
        self._store = store
        self._lists: OrderedDict[tuple[object, ...], Remembered] = OrderedDict()
        self._computing = threading.Lock()
        self._monotonic_s = monotonic_s
        self._beside = beside or ThreadPoolExecutor(1, thread_name_prefix="rankings", initializer=_give_way)

    def whole(
        self, connection: Connection, asked: tuple[object, ...], ranking: Callable[[Served], Ranking]
    ) -> Remembered:
        """Give a ranking in order: of this moment, or of one not long before it if computing takes long.

        `asked` names it across moments; `ranking` says what it is where so much is served.
        """
        state = store_state(connection)
        if (known := self._lists.get(asked)) is not None:
            if self._will_do(known, state):
                return known
            if self._does_meanwhile(known, state):
                if not self._computing.locked():
                    self._beside.submit(self._renew, asked, known, ranking)
                return known
        # Who comes while it is computed takes the list of before, if that may still be shown.
        is_mine = self._computing.acquire(blocking=known is None or not state.has_lists_of(known.state))
        if not is_mine:
            assert known is not None  # noqa: S101 - else it had blocked
            return known
        try:
            known = self._lists.get(asked)
            if known is None or not self._will_do(known, state):
                known = self._computed(connection, asked, state, ranking)
            return known
        finally:
            self._computing.release()

    def _renew(self, asked: tuple[object, ...], known: Remembered, ranking: Callable[[Served], Ranking]) -> None:
        """Compute a list anew, unless it was done since `known`, or another is being computed.

        The connection comes first and the lock second, as in `whole`: who waits for the lock holds a connection.
        """
        try:
            with self._store.snapshot() as connection:
                if not self._computing.acquire(blocking=False):
                    return
                try:
                    if self._lists.get(asked) is known:
                        self._computed(connection, asked, store_state(connection), ranking)
                finally:
                    self._computing.release()
        except Exception as error:  # noqa: BLE001 - who asks next is told
            log.warning("ranking not renewed", extra={"reason": str(error)})

    def _computed(
        self,
        connection: Connection,
        asked: tuple[object, ...],
        state: StoreState,
        ranking: Callable[[Served], Ranking],
    ) -> Remembered:
        began_s = self._monotonic_s()
        now = served(connection)
        wanted = ranking(now)
        places = ranked(connection, wanted)
        ended_s = self._monotonic_s()
        known = Remembered(wanted, state, now, places, ended_s, ended_s - began_s, {})
        self._lists[asked] = known
        self._lists.move_to_end(asked)
        while len(self._lists) > _MOST:
            self._lists.popitem(last=False)
        return known

    def _will_do(self, known: Remembered, state: StoreState) -> bool:
        if known.state == state:
            return True
        return state.has_lists_of(known.state) and self._age_s(known) < known.newest_s()

    def _does_meanwhile(self, known: Remembered, state: StoreState) -> bool:
        is_slow = known.newest_s() > 0
        still_s = min(known.newest_s() + _MEANWHILE * known.took_s, 2 * _OLDEST_S)
        return state.has_lists_of(known.state) and is_slow and self._age_s(known) < still_s

    def _age_s(self, known: Remembered) -> float:
        return self._monotonic_s() - known.computed_s


def _give_way() -> None:
    """Let this thread have what time of the processors is left over; elsewhere than on Linux a whole process would."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
