"""Server-sent events as a browser reads them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple


class Event(NamedTuple):
    kind: str
    data: str
    id: str


@dataclass
class Reader:
    """Keeps the last id, also that of a block without data, as EventSource does."""

    last_id: str = ""
    _fields: dict[str, str] = field(default_factory=dict)

    def take(self, line: str) -> Event | None:
        if line:
            name, _, value = line.partition(":")
            self._fields[name] = value.removeprefix(" ")
            return None
        fields, self._fields = self._fields, {}
        self.last_id = fields.get("id", self.last_id)
        return Event(fields.get("event", "message"), fields["data"], self.last_id) if "data" in fields else None

    def events(self, lines: Iterable[str]) -> Iterator[Event]:
        return (event for line in lines if (event := self.take(line)) is not None)
