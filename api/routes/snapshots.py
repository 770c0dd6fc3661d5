"""Dashcam pictures, fetched from Kafka by their offset."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Response

from api.answers.snapshot import SnapshotAnswer, Snapshots
from api.errors import Unknown
from api.routes.parameters import PREFIX, Holder, Vin
from api.routes.selection import SELECTABLE, Selecting
from api.security.roles import access
from contracts.errors import MalformedRecord
from contracts.partitioning import partition_of_key
from contracts.record_checks import snapshot_in
from contracts.topics import DASHCAM_SNAPSHOTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from api.kafka.reader import TopicReader
    from contracts.record import Record

_JPEG: Final = "image/jpeg"
_DAY_MS: Final = 86_400_000
_MOST_LOOKED_AT: Final = 200
_PICTURE: dict[int | str, dict[str, Any]] = {200: {"content": {_JPEG: {}}, "description": "The picture"}}


def snapshot_routes(reader: TopicReader, clock: Callable[[], int]) -> APIRouter:
    """Make the routes."""
    routes = APIRouter(prefix=f"{PREFIX}/vehicles/{{vin}}/snapshots", tags=["vehicles"], route_class=Selecting)

    @routes.get("", summary="A vehicle's dashcam pictures", dependencies=SELECTABLE)
    @access(tells_places=True)
    async def snapshots(
        vin: Vin, holder: Holder, limit: Annotated[int, Query(ge=1, le=_MOST_LOOKED_AT)] = 20
    ) -> Snapshots:
        """List its pictures of the last day, among the last 200 of its partition; Kafka keeps no older ones."""
        key = vin.encode()
        records = await reader.newest(
            DASHCAM_SNAPSHOTS.name,
            _partition(vin),
            from_ms=clock() - _DAY_MS,
            key=key,
            most=_MOST_LOOKED_AT,
            holder=holder,
        )
        found = []
        for record in reversed(records):
            with suppress(MalformedRecord):  # another program's; it is no picture of ours
                found.append(_answer(vin, record))
        return Snapshots(vehicle_id=vin, snapshots=found[:limit])

    @routes.get("/{offset}", summary="One dashcam picture", responses=_PICTURE, response_class=Response)
    @access(tells_places=True)
    async def picture(vin: Vin, offset: Annotated[int, Path(ge=0, le=2**53)], holder: Holder) -> Response:
        """Give the JPEG."""
        record = await reader.at(DASHCAM_SNAPSHOTS.name, _partition(vin), offset, holder=holder)
        if record is None or record.key != vin.encode() or record.value is None:
            raise Unknown(f"vehicle {vin} has no picture {offset} (any more); its list has those of the last day")
        return Response(record.value, media_type=_JPEG, headers={"Cache-Control": "private, max-age=86400, immutable"})

    return routes


def _partition(vin: str) -> int:
    return partition_of_key(vin.encode(), DASHCAM_SNAPSHOTS.partitions)


def _answer(vin: str, record: Record) -> SnapshotAnswer:
    shown = snapshot_in(record)
    return SnapshotAnswer(
        offset=record.offset,
        picture=f"{PREFIX}/vehicles/{vin}/snapshots/{record.offset}",
        event=shown.event,
        detail=shown.detail,
        recorded_at_ms=shown.recorded_at_ms,
        received_at_ms=record.at_ms,
        trip_started_at_ms=shown.trip_started_at_ms,
        sequence=shown.sequence,
        speed_kmh=shown.speed_kmh,
        latitude_deg=shown.latitude_deg,
        longitude_deg=shown.longitude_deg,
        bytes=len(record.value or b""),
    )
