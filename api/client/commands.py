"""What each command asks and shows; `--json` gives the answer as it came, an event a line where it follows."""

from __future__ import annotations

import json
import logging
import time
from typing import TYPE_CHECKING, Any, Final

from api.client import showing
from api.client.connection import Connection
from contracts.errors import Unavailable
from observability.plain_text import print_json
from observability.terminal import Console

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from api.settings import AlertsAsked, AttentionAsked, ClientSettings, RankingAsked, RouteAsked
    from observability.terminal import RenderableType

log = logging.getLogger(__name__)

_RETRY_S: Final = 1.0


def attention(asked: AttentionAsked) -> None:
    """Show which cars need attention."""
    answer = Connection(asked).get("/v1/attention", limit=asked.limit)
    _show(asked, answer, showing.attention(answer))


def ranking(asked: RankingAsked) -> None:
    """Show which cars are most fuel efficient."""
    facets = asked.model_dump(include={"scope", "period_kind", "period", "view", "by", "order", "limit"})
    answer = Connection(asked).get("/v1/rankings/fuel-efficiency", **facets)
    _show(asked, answer, showing.ranking(answer))


def route(asked: RouteAsked) -> None:
    """Show the cheapest way between two places."""
    facets = asked.model_dump(include={"by", "vehicle_class", "time_of_day"})
    answer = Connection(asked).get("/v1/routes", **{"from": asked.start, "to": asked.end}, **facets)
    _show(asked, answer, showing.routes(answer))


def alerts(asked: AlertsAsked) -> None:
    """Show alerts, and with `--follow` those that come."""
    filters = asked.model_dump(include={"vehicle_id", "rule", "severity"})
    connection = Connection(asked)
    if asked.follow:
        _follow(asked, connection, filters)
        return
    is_open = True if asked.open else None
    answer = connection.get("/v1/alerts", **filters, fleet=asked.fleet, is_open=is_open, limit=asked.limit)
    _show(asked, answer, showing.alerts(answer["alerts"]))


def _follow(asked: AlertsAsked, connection: Connection, filters: dict[str, Any]) -> None:
    """Show alerts as they come, for ever; after a break it goes on where it was."""
    console, last_id, was_there = Console(soft_wrap=True), "", False
    while True:
        try:
            with connection.lines("/v1/alerts/stream", last_id, **filters) as lines:
                was_there = True
                for event_id, kind, data in events(lines):
                    last_id = event_id or last_id
                    _tell(asked, console, kind, data)
        except Unavailable as error:
            if not was_there:  # it never answered: a wrong address rather than a break
                raise
            log.warning("stream broken; trying again", extra={"reason": str(error)})
        time.sleep(_RETRY_S)


def _tell(asked: AlertsAsked, console: Console, kind: str, data: str) -> None:
    if kind == "reset":
        log.warning("alerts were missed; `api alerts` lists them")
    elif kind == "alert" and asked.as_json:
        print_json(json.loads(data))
    elif kind == "alert":
        console.print(showing.alert_line(json.loads(data)))


def events(lines: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    """Give (id, kind, data) of each block of a stream of server-sent events; data is "" where there is none."""
    block: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(":")
            block[name] = value.removeprefix(" ")
            continue
        yield block.get("id", ""), block.get("event", ""), block.get("data", "")
        block = {}


def _show(asked: ClientSettings, answer: dict[str, Any], table: RenderableType) -> None:
    if asked.as_json:
        print_json(answer)
    else:
        Console().print(table)
