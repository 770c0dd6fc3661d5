"""Rankings: which cars are most fuel efficient."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query

from api.answers.efficiency import Layers, Order, RankedAnswer, RankingAnswer, figures, version_in
from api.cursor import cursor_after, read_cursor
from api.period import named_period
from api.queries.efficiency import Ranked, Ranking, count_ranked, ranked
from api.queries.served import served
from api.queries.vehicles import known
from api.routes.parameters import PREFIX, Cursor, Limit, WantedView
from contracts.definitions import SHORTEST_RANKED_DISTANCE_M, PeriodKind, Scope

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from api.store.database import Store


def ranking_routes(store: Store) -> APIRouter:
    """Make the routes."""
    routes = APIRouter(prefix=PREFIX, tags=["efficiency"])

    @routes.get("/rankings/fuel-efficiency", summary="Which cars are most fuel efficient?")
    def fuel_efficiency(  # noqa: PLR0913, PLR0917 - each is one facet of the question
        scope: Scope = "vehicle",
        period_kind: PeriodKind = "last_7_days",
        period: Annotated[
            str | None, Query(max_length=20, description="2026-11-21, 2026-W47 or 2026-11; default: the latest")
        ] = None,
        view: WantedView = "merged",
        order: Annotated[Order, Query(description="best: fewest L/100 km first")] = "best",
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> RankingAnswer:
        """Rank by L/100 km over trips started in the period, from 5 km in it on. Days are UTC days."""
        query = ("ranking", scope, period_kind, period, view, order)
        after = read_cursor(query, cursor, float, str) if cursor else None
        with store.snapshot() as connection:
            now = served(connection)
            wanted = named_period(period_kind, period, now.as_of_day)
            ranking = Ranking(scope, view, wanted, version_in(now, view), order, SHORTEST_RANKED_DISTANCE_M)
            rows = ranked(connection, ranking, after=(after[0], after[1]) if after else None, limit=limit + 1)
            number = count_ranked(connection, ranking)
            places = _answers(connection, scope, rows[:limit])
        last = rows[limit - 1] if len(rows) > limit else None
        return RankingAnswer(
            **dict(Layers.of(now, view)),
            scope=scope,
            period_kind=period_kind,
            period=wanted.name,
            order=order,
            shortest_distance_m=SHORTEST_RANKED_DISTANCE_M,
            ranked=number,
            places=places,
            next_cursor=cursor_after(query, (last.value, last.key)) if last else None,
        )

    return routes


def _answers(connection: Connection, scope: Scope, rows: list[Ranked]) -> list[RankedAnswer]:
    registry = {}
    if scope == "vehicle":
        registry = {one.vehicle_id: one.registry for one in known(connection, [row.key for row in rows])}
    answers = []
    for row in rows:
        entry = registry.get(row.key)
        names = {"model": entry.model_name, "fleet": entry.fleet} if entry else {}
        answers.append(RankedAnswer(rank=row.rank, key=row.key, **names, **figures(row.total)))
    return answers
