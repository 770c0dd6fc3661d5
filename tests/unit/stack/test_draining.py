from __future__ import annotations

from typing import Any, cast

import pytest

from contracts.topics import COLD_PATH_GROUP
from stack import draining
from stack.doors import Doors
from stack.listener import Listener


class Groups:
    def __init__(self, **lags: int) -> None:
        self._lags = lags

    async def lag(self, group: str) -> int:
        return self._lags.get(group, 0)


class Views:
    async def get(self, _: str) -> dict[str, Any]:
        return {"served": 3, "published": 3}


async def complaints_of(groups: Groups) -> list[str]:
    return await draining.drained(cast("Listener", groups), cast("Doors", Views()), say=lambda _: None)


async def test_nothing_is_said_when_everything_was_read() -> None:
    assert await complaints_of(Groups()) == []


async def test_the_reader_that_does_not_come_to_the_end_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draining, "_WITHIN_S", 0.05)
    assert await complaints_of(Groups(**{COLD_PATH_GROUP: 7})) == [
        "waited 0.05 s in vain until the cold path has read everything"
    ]
