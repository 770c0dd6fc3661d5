"""Whole rankings remembered with the moment they are of, so that pages cost nothing and a large fleet not too much."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Final, NamedTuple

from api.queries.efficiency import ranked

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from api.queries.efficiency import RankedList, Ranking
    from api.queries.served import Served, StoreState

_MOST: Final = 8
_MOST_PAGES: Final = 50
_LONGEST_PAGE_BYTES: Final = 64 * 1024
_OLDEST_S: Final = 10.0
_SHARE: Final = 10.0
"""A list may be this many times as old as it took to compute: that bounds what computing takes to a tenth."""
_QUICK_S: Final = 0.5
"""Taken off, so that what takes a twentieth of a second is always of this moment."""


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
        """Remember a page, unless there are many or it is long, and give it."""
        if len(self.pages) < _MOST_PAGES and len(page) < _LONGEST_PAGE_BYTES:
            self.pages[asked] = page
        return page


class RankedLists:
    """The rankings asked for last; one is computed at a time, however many ask for it."""

    def __init__(self, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        """Begin with none."""
        self._lists: OrderedDict[tuple[object, ...], Remembered] = OrderedDict()
        self._computing = threading.Lock()
        self._monotonic_s = monotonic_s

    def whole(
        self, connection: Connection, asked: tuple[object, ...], ranking: Ranking, state: StoreState, served: Served
    ) -> Remembered:
        """Give a ranking in order: of this moment, or of one not long before it if computing takes long.

        `asked` names it across moments; `state` and `served` must be of the same snapshot as the connection.
        """
        if (known := self._lists.get(asked)) is not None and self._will_do(known, state):
            return known
        # Who comes while it is computed takes the list of before, if its version is served still.
        is_mine = self._computing.acquire(blocking=known is None or known.state.version != state.version)
        if not is_mine:
            assert known is not None  # noqa: S101 - else it had blocked
            return known
        try:
            known = self._lists.get(asked)
            if known is None or not self._will_do(known, state):
                known = self._computed(connection, ranking, state, served)
                self._lists[asked] = known
                self._lists.move_to_end(asked)
                while len(self._lists) > _MOST:
                    self._lists.popitem(last=False)
            return known
        finally:
            self._computing.release()

    def _computed(self, connection: Connection, ranking: Ranking, state: StoreState, served: Served) -> Remembered:
        began_s = self._monotonic_s()
        places = ranked(connection, ranking)
        ended_s = self._monotonic_s()
        return Remembered(ranking, state, served, places, ended_s, ended_s - began_s, {})

    def _will_do(self, known: Remembered, state: StoreState) -> bool:
        if known.state == state:
            return True
        age_s = self._monotonic_s() - known.computed_s
        return known.state.version == state.version and age_s < min(_OLDEST_S, _SHARE * known.took_s - _QUICK_S)
