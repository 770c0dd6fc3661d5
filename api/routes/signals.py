"""The signals around an alert."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from fastapi import APIRouter, Query
from fastapi.concurrency import run_in_threadpool

from api.answers.signals import SignalsAnswer
from api.errors import Unknown
from api.queries.alerts import one_alert
from api.routes.alerts import unknown_alert
from api.routes.parameters import PREFIX, AlertId, Holder
from api.signals import Row, Source, Span, heard, in_lake, nearest
from api.turns import Bounds, Turns
from contracts.errors import Unavailable
from contracts.topics import READING_PARTITIONS, VEHICLE_READINGS

if TYPE_CHECKING:
    from pathlib import Path

    from api.kafka.reader import TopicReader
    from api.queries.alerts import AlertRow
    from api.store.database import Store

_LONGEST_S: Final = 60
_MOST_LOOKED_AT: Final = 50_000
_IN_LAKE: Final = Bounds(at_once=2, per_holder=8, in_all=64)
_LATEST_MS: Final = 253_370_764_800_000
"""The year 9999: no calendar goes on from there."""


def signal_routes(store: Store, reader: TopicReader, lake: Path) -> APIRouter:
    """Make the routes; `lake` is the folder of the cold path's table, which need not be there."""
    routes = APIRouter(prefix=PREFIX, tags=["alerts"])
    lake_turns = Turns("questions for the lake's readings", _IN_LAKE)

    def raised(alert_id: str) -> AlertRow:
        with store.snapshot() as connection:
            alert = one_alert(connection, alert_id)
        if alert is None:
            raise unknown_alert(alert_id)
        return alert

    async def found(span: Span, holder: str) -> tuple[Source, list[Row]]:
        trouble: Unavailable | None = None
        try:
            records = await reader.within(
                VEHICLE_READINGS.name,
                span.partition,
                from_ms=span.from_ms,
                until_ms=span.until_ms,
                key=span.vehicle_id.encode(),
                most=_MOST_LOOKED_AT,
                holder=holder,
            )
        except Unavailable as error:
            records, trouble = None, error
        if records:
            return "kafka", await run_in_threadpool(heard, records)
        async with lake_turns.turn(holder):
            rows = await run_in_threadpool(in_lake, lake, span)
        if rows:
            return "lake", rows
        if trouble is not None:
            raise trouble
        raise Unknown(f"the readings have expired in Kafka, and the lake at {lake} has none of that time either")

    @routes.get("/alerts/{alert_id}/signals", summary="The signals around an alert")
    async def signals(
        alert_id: AlertId,
        holder: Holder,
        seconds: Annotated[int, Query(ge=1, le=_LONGEST_S, description="before and after the raise")] = _LONGEST_S,
    ) -> SignalsAnswer:
        """Give the readings before and after the one that raised the alert: from Kafka, else from the lake."""
        alert = await run_in_threadpool(raised, alert_id)
        span = _span(alert, seconds * 1000)
        source, readings = await found(span, holder)
        return SignalsAnswer(
            alert_id=alert_id,
            vehicle_id=alert.vehicle_id,
            source=source,
            event_at_ms=alert.raised_at_ms,
            from_ms=span.from_ms,
            until_ms=span.until_ms,
            readings=nearest(readings, alert.received_at_ms),
        )

    return routes


def _span(alert: AlertRow, wide_ms: int) -> Span:
    """Return where to look. Raises Unknown for an alert that cannot have come from a reading of ours."""
    at_ms = alert.received_at_ms
    if not 0 < at_ms < _LATEST_MS or not 0 <= alert.partition < READING_PARTITIONS:
        raise Unknown(
            f"the alert tells an impossible time or partition (received_at_ms {at_ms}, partition {alert.partition}), "
            "so there is nowhere to look for its signals"
        )
    return Span(alert.vehicle_id, alert.partition, max(0, at_ms - wide_ms), at_ms + wide_ms)
