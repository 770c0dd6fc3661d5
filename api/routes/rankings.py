"""Rankings: which cars are most fuel efficient."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from fastapi import APIRouter, Header, Query, Response

from api.answers.efficiency import Order, RankedAnswer, RankingAnswer, figures, layers, version_in
from api.cursor import cursor_after, read_cursor
from api.period import named_period
from api.queries.efficiency import NO_INDEXES, By, Indexes, Ranked, Ranking, indexes_of
from api.queries.vehicles import names_of
from api.ranked_lists import RankedLists
from api.representation import MEDIA, accepted, csv_table, is_known, ndjson, tag_of, tagged, unchanged
from api.routes.costly import COSTLY
from api.routes.parameters import MOST_ROWS, PLACELESS, PREFIX, Cursor, WantedView
from api.routes.selection import Fields, Selecting, chosen
from contracts.definitions import SHORTEST_RANKED_DISTANCE_M, PeriodKind, Scope
from contracts.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from api.merge import View
    from api.queries.served import Served
    from api.representation import Media
    from api.store.database import Store

_PAGE = 50
_NAMED_AT_ONCE = 5_000
_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"model": RankingAnswer, "content": {media: {} for media in MEDIA[1:]}},
    304: {"description": "As the client has it: `If-None-Match` held its `ETag`"},
}


def ranking_routes(store: Store) -> APIRouter:
    """Make the routes."""
    routes = APIRouter(prefix=PREFIX, tags=["efficiency"], route_class=Selecting)
    lists = RankedLists(store)

    @routes.get(
        "/rankings/fuel-efficiency",
        summary="Which cars are most fuel efficient?",
        dependencies=[PLACELESS, COSTLY],
        response_model=None,
        responses=_RESPONSES,
    )
    def fuel_efficiency(  # noqa: PLR0913, PLR0917 - each is one facet of the question
        scope: Scope = "vehicle",
        period_kind: PeriodKind = "last_7_days",
        period: Annotated[
            str | None, Query(max_length=20, description="2026-11-21, 2026-W47 or 2026-11; default: the latest")
        ] = None,
        view: WantedView = "merged",
        by: Annotated[By, Query(description="litres: L/100 km; index, driver: from the batch view, less is better")] = (
            "litres"
        ),
        order: Annotated[Order, Query(description="best: fewest L/100 km first")] = "best",
        limit: Annotated[
            int | None, Query(ge=1, le=MOST_ROWS, description="rows a page; default 50, in CSV and NDJSON all")
        ] = None,
        cursor: Cursor = None,
        fields: Fields = None,
        accept: Annotated[str | None, Header(include_in_schema=False)] = None,
        if_none_match: Annotated[str | None, Header(include_in_schema=False)] = None,
    ) -> Response:
        """Rank over trips started in the period, from 5 km in it on; by an index that takes the driving as it was."""
        media = accepted(accept)
        if by != "litres":
            view = _batch_only(view, by)
        query = ("ranking", scope, period_kind, period, view, order, by)
        after = read_cursor(query, cursor, float, str) if cursor else None

        def wanted(now: Served) -> Ranking:
            days = named_period(period_kind, period, now.as_of_day)
            return Ranking(scope, view, days, version_in(now, view), order, SHORTEST_RANKED_DISTANCE_M, by)

        with store.snapshot() as connection:
            known = lists.whole(connection, query, wanted)
            ranking, now, whole = known.ranking, known.served, known.places
            # Of a table; of JSON, `Selecting` takes them.
            columns = tuple(dict.fromkeys(chosen(RankingAnswer, fields) or RankedAnswer.model_fields))
            part = (limit, cursor, media) if media == "application/json" else (limit, cursor, media, columns)
            tag = tag_of(known.state, query, *part)
            if is_known(if_none_match, tag):
                return unchanged(tag)
            if (page := known.pages.get(part)) is not None:
                return tagged(page, media, tag)
            begin = whole.beyond(order, after[0], after[1]) if after else 0
            end = min(len(whole), begin + (limit or (_PAGE if media == "application/json" else len(whole))))
            places = _answers(connection, ranking, now.version, whole[begin:end])
        if media != "application/json":
            return tagged(known.keep(part, _exported(places, media, columns)), media, tag)
        last = whole[end - 1] if end < len(whole) else None
        answer = layers(now, view) | {
            "scope": scope,
            "period_kind": period_kind,
            "period": ranking.period.name,
            "by": by,
            "order": order,
            "shortest_distance_m": SHORTEST_RANKED_DISTANCE_M,
            "ranked": len(whole),
            "places": places,
            "next_cursor": cursor_after(query, (last.value, last.key)) if last else None,
        }
        return tagged(known.keep(part, msgspec.json.encode(answer)), media, tag)

    return routes


def _exported(places: list[dict[str, Any]], media: Media, columns: Sequence[str]) -> bytes:
    rows = ({name: place[name] for name in columns} for place in places)
    return ndjson(rows) if media == "application/x-ndjson" else csv_table(columns, rows)


def _batch_only(view: View, by: By) -> View:
    if view == "speed":
        raise InvalidInput(f"by={by} is known to the batch view only; leave `view` out")
    return "batch"


def _answers(connection: Connection, ranking: Ranking, version: int | None, rows: list[Ranked]) -> list[dict[str, Any]]:
    """Give each row as RankedAnswer has it."""
    names: dict[str, tuple[str, str]] = {}
    indexes: dict[str, Indexes] = {}
    for at in range(0, len(rows), _NAMED_AT_ONCE):
        keys = [row.key for row in rows[at : at + _NAMED_AT_ONCE]]
        indexes |= indexes_of(connection, ranking._replace(version=version), keys)
        if ranking.scope == "vehicle":
            names |= names_of(connection, keys)
    answers = []
    for row in rows:
        model, fleet = names.get(row.key, (None, None))
        first = {"rank": row.rank, "key": row.key, "model": model, "fleet": fleet}
        answers.append(first | figures(row.total) | indexes.get(row.key, NO_INDEXES)._asdict())
    return answers
