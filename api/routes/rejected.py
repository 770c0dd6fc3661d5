"""Dead letters: what was rejected and why, and sending it again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Path

from api.answers.rejected import RecordName, RejectedAnswer, RejectedPage, RejectedRecord, Replay, Replayed
from api.cursor import cursor_after, read_cursor
from api.queries.rejected import RejectedFilter, rejected_readings
from api.routes.parameters import PREFIX, Cursor, Holder, Limit, Name
from api.routes.selection import SELECTABLE, Selecting
from api.security.roles import access
from contracts.reason import Reason

if TYPE_CHECKING:
    from api.dead_letters import DeadLetters
    from api.store.database import Store

_Partition = Annotated[int, Path(ge=0, le=2**31 - 1)]
_Offset = Annotated[int, Path(ge=0, le=2**53)]


def rejected_routes(store: Store, letters: DeadLetters) -> APIRouter:
    """Make the routes."""
    routes = APIRouter(prefix=f"{PREFIX}/rejected-readings", tags=["rejected readings"], route_class=Selecting)

    @routes.get("", summary="Rejected readings, the latest first", dependencies=SELECTABLE)
    @access("admin")
    def rejected(
        reason: Reason | None = None, vehicle_id: Name = None, limit: Limit = 50, cursor: Cursor = None
    ) -> RejectedPage:
        """Give why each was rejected, and where it stands."""
        wanted = RejectedFilter(reason, vehicle_id)
        after = read_cursor(wanted, cursor, int, int, int) if cursor else None
        with store.snapshot() as connection:
            rows = rejected_readings(connection, wanted, after=after, limit=limit + 1)
        last = rows[limit - 1] if len(rows) > limit else None
        return RejectedPage(
            rejected=[RejectedAnswer.of(row) for row in rows[:limit]],
            next_cursor=cursor_after(wanted, (last.received_at_ms, last.partition, last.record_offset))
            if last
            else None,
        )

    @routes.get("/{partition}/{offset}", summary="One rejected reading with its bytes", dependencies=SELECTABLE)
    @access("admin")
    async def one(partition: _Partition, offset: _Offset, holder: Holder) -> RejectedRecord:
        """Fetch it from Kafka by its place in rejected-readings."""
        return await letters.whole(RecordName(partition=partition, offset=offset), holder)

    @routes.post("/replay", summary="Send rejected readings again")
    @access("admin")
    async def replay(asked: Replay, holder: Holder) -> Replayed:
        """Send the bytes as they came, with headers that say so; those whose judgement depends on time take `force`."""
        return await letters.replayed(asked, holder)

    return routes
