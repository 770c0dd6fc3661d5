"""What people do about alerts: written to Kafka first, answered when the store shows it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from api.answers.action import Accepted, Acknowledge, Note, Resolve, action_of
from api.answers.alert import AlertDetail, alert_told
from api.errors import Unknown
from api.queries.alerts import AlertHistory, action_done, alert_history
from api.representation import answered
from api.routes.alerts import unknown_alert
from api.routes.parameters import PREFIX, AlertId
from api.workflow import Unseen, is_repeated, refuse_unforced
from contracts.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from api.kafka.action_log import ActionLog
    from api.store.database import Store
    from contracts.alert import AlertAction

_LOOK_S = 0.02
_ACCEPTED: dict[int | str, dict[str, Any]] = {
    202: {"model": Accepted, "description": "Written, but not in the store yet; ask for the alert in a moment"}
}


def action_routes(store: Store, log: ActionLog, clock: Callable[[], int], *, patience_s: float) -> APIRouter:
    """Make the routes; `patience_s` is how long they wait for the projector."""
    routes = APIRouter(prefix=f"{PREFIX}/alerts/{{alert_id}}", tags=["alerts"], responses=_ACCEPTED)
    unseen = Unseen()

    def looked_up(action: AlertAction) -> tuple[AlertHistory, list[AlertAction]]:
        """Return the alert's history, and what was done about it under the id of this action, if anything was."""
        with store.snapshot() as connection:
            history = alert_history(connection, action.alert_id)
            known = action_done(connection, action.alert_id, action.action_id)
        if history is None:
            raise unknown_alert(action.alert_id)
        return history, [known] if known else []

    async def done(action: AlertAction) -> Response:
        history, known = await run_in_threadpool(looked_up, action)
        if not is_repeated(action, known):
            refuse_unforced(action, history.row.state)
            unseen.add(action)  # before it is written, as another of the same id may come meanwhile
            await log.write(action)
        try:
            async with asyncio.timeout(patience_s):
                while not is_repeated(action, known):
                    await asyncio.sleep(_LOOK_S)
                    with suppress(Unknown, Unavailable):  # the store is being rebuilt; the action is safe in Kafka
                        history, known = await run_in_threadpool(looked_up, action)
        except TimeoutError:
            return JSONResponse(Accepted.of(action).model_dump(), status_code=202)
        unseen.forget(action)
        return answered(alert_told(history))

    @routes.post("/acknowledge", summary="Take care of an alert", response_model=AlertDetail)
    async def acknowledge(alert_id: AlertId, sent: Acknowledge) -> Response:
        """Acknowledge: it stays so until the alert escalates, which asks for attention again."""
        return await done(action_of("acknowledge", alert_id, sent, clock))

    @routes.post("/resolve", summary="Close an alert", response_model=AlertDetail)
    async def resolve(alert_id: AlertId, sent: Resolve) -> Response:
        """Resolve; an episode that goes on takes `force` and a note, else 409. An escalation opens it again."""
        return await done(action_of("resolve", alert_id, sent, clock))

    @routes.post("/notes", summary="Write a note on an alert", response_model=AlertDetail)
    async def note(alert_id: AlertId, sent: Note) -> Response:
        """Add to the alert's history."""
        return await done(action_of("note", alert_id, sent, clock))

    return routes
