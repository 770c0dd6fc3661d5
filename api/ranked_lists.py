"""Whole rankings remembered for the state of the store they were computed from, so that pages cost nothing."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from api.queries.efficiency import Ranked, ranked

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from api.queries.efficiency import Ranking
    from api.queries.served import StoreState

_MOST: Final = 4


class RankedLists:
    """The rankings asked for last; one is computed at a time, however many ask for it."""

    def __init__(self) -> None:
        """Begin with none."""
        self._lists: OrderedDict[tuple[StoreState, Ranking], list[Ranked]] = OrderedDict()
        self._computing = threading.Lock()

    def whole(self, connection: Connection, ranking: Ranking, state: StoreState) -> list[Ranked]:
        """Give a ranking in order; `state` must be that of the same snapshot."""
        asked = (state, ranking)
        with self._computing:
            if asked not in self._lists:
                self._lists[asked] = ranked(connection, ranking)
            self._lists.move_to_end(asked)
            while len(self._lists) > _MOST:
                self._lists.popitem(last=False)
            return self._lists[asked]


def beyond(places: list[Ranked], ranking: Ranking, value: float, key: str) -> int:
    """Give the index of the first place after (value, key)."""
    sign = 1 if ranking.order == "best" else -1
    return bisect_right(places, (sign * value, key), key=lambda place: (sign * place.value, place.key))
