"""What each command asks and shows; `--json` gives the answer as it came, an event a line where it follows."""

from __future__ import annotations

import json
import logging
import time
from typing import TYPE_CHECKING, Any, Final

from api.client import showing
from api.client.connection import Connection, NotTheApi
from contracts.errors import Unavailable
from observability.plain_text import print_json
from observability.terminal import Console

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from api.settings import AlertsAsked, AttentionAsked, ClientSettings, RankingAsked, RouteAsked
    from observability.terminal import RenderableType

log = logging.getLogger(__name__)

_RETRY_S: Final = 1.0


def attention(asked: AttentionAsked) -> None:
    """Show which cars need attention."""
    _ask(asked, showing.attention, "/v1/attention", limit=asked.limit)


def ranking(asked: RankingAsked) -> None:
    """Show which cars are most fuel efficient."""
    facets = asked.model_dump(include={"scope", "period_kind", "period", "view", "by", "order", "limit"})
    _ask(asked, showing.ranking, "/v1/rankings/fuel-efficiency", **facets)


def route(asked: RouteAsked) -> None:
    """Show the cheapest way between two places."""
    facets = asked.model_dump(include={"by", "vehicle_class", "time_of_day"})
    _ask(asked, showing.routes, "/v1/routes", **{"from": asked.start, "to": asked.end}, **facets)


def alerts(asked: AlertsAsked) -> None:
    """Show alerts, and with `--follow` those that come."""
    filters = asked.model_dump(include={"vehicle_id", "rule", "severity"})
    if asked.follow:
        _follow(asked, Connection(asked), filters)
        return
    filters |= {"fleet": asked.fleet, "is_open": True if asked.open else None, "limit": asked.limit}
    _ask(asked, lambda answer: showing.alerts(answer["alerts"]), "/v1/alerts", **filters)


def _follow(asked: AlertsAsked, connection: Connection, filters: dict[str, Any]) -> None:
    """Show alerts as they come, for ever; after a break it goes on where it was."""
    console, last_id, was_there = Console(soft_wrap=True), "", False
    while True:
        try:
            with connection.lines("/v1/alerts/stream", last_id, **filters) as lines:
                was_there = True
                for event_id, kind, data in events(lines):
                    last_id = event_id or last_id
                    _tell(asked, connection, console, kind, data)
        except NotTheApi:
            raise
        except Unavailable as error:
            if not was_there:  # it never answered: a wrong address rather than a break
                raise
            log.warning("stream broken; trying again", extra={"reason": str(error)})
        time.sleep(_RETRY_S)


def _tell(asked: AlertsAsked, connection: Connection, console: Console, kind: str, data: str) -> None:
    if kind == "reset":
        log.warning("alerts were missed; `api alerts` lists them")
    elif kind == "alert":
        with connection.understood("an alert of another form"):
            alert = json.loads(data)
            line = None if asked.as_json else showing.alert_line(alert)
        if line is None:
            print_json(alert)
        else:
            console.print(line)


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


def _ask(asked: ClientSettings, table: Callable[[dict[str, Any]], RenderableType], path: str, **facets: Any) -> None:
    connection = Connection(asked)
    answer = connection.get(path, **facets)
    if asked.as_json:
        print_json(answer)
        return
    with connection.understood("JSON of another form"):
        shown = table(answer)
    Console().print(shown)
