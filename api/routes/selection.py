"""`fields=`: only some fields of each row, or of the answer where it is no list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, get_args

import msgspec
from fastapi import Depends, Query, Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel

from api.answers.alert import AlertPage, Attention
from api.answers.efficiency import RankingAnswer, VehicleEfficiency
from api.answers.pipeline import RulesAnswer, Views
from api.answers.rejected import RejectedPage
from api.answers.snapshot import Snapshots
from api.answers.vehicle import TripPage, VehiclePage
from api.lengthy import worked
from api.routes.parameters import holder_of
from contracts.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable

_ROWS: Final[dict[type[BaseModel], str]] = {
    AlertPage: "alerts",
    Attention: "vehicles",
    VehiclePage: "vehicles",
    TripPage: "trips",
    VehicleEfficiency: "periods",
    RankingAnswer: "places",
    RejectedPage: "rejected",
    Snapshots: "snapshots",
    Views: "versions",
    RulesAnswer: "rules",
}
Fields = Annotated[
    str | None, Query(max_length=500, description="only these fields of each row, names with commas between them")
]


async def selectable(fields: Fields = None) -> None:
    """Let a route have the parameter; `Selecting` obeys it."""


SELECTABLE: Final = [Depends(selectable)]
"""What a route that answers JSON depends on."""


class Selecting(APIRoute):
    """A route whose JSON answer holds only the fields that are asked for."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Give the handler."""
        answered = super().get_route_handler()
        model = self.response_model or self.responses.get(200, {}).get("model")

        async def selected(request: Request) -> Response:
            names = chosen(model, request.query_params.get("fields"))
            response = await answered(request)
            if model is None or not names or response.status_code != 200 or response.media_type != "application/json":  # noqa: PLR2004
                return response
            whole = bytes(response.body)
            with request.app.state.unsent.held(holder_of(request), whole):
                body = await worked(lambda given: _selected(model, given, names), whole)
            headers = {name: value for name, value in response.headers.items() if name != "content-length"}
            return Response(body, headers=headers)

        return selected


def chosen(model: type[BaseModel] | None, fields: str | None) -> list[str]:
    """Give the names that are asked for; none means all. Raises InvalidInput, which lists the names there are."""
    if not fields or model is None:
        return []
    names = [name.strip() for name in fields.split(",") if name.strip()]
    known = _row_model(model).model_fields
    if unknown := [name for name in names if name not in known]:
        raise InvalidInput(f"fields: there is no {unknown[0][:50]!r}; there are {', '.join(known)}")
    return names


def select(model: type[BaseModel], answer: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Give the answer with these fields of its rows, or of itself."""
    rows = _ROWS.get(model)
    if rows is None:
        return {name: answer[name] for name in names}
    return answer | {rows: [{name: row[name] for name in names} for row in answer[rows]]}


def _selected(model: type[BaseModel], body: bytes, names: Iterable[str]) -> bytes:
    return msgspec.json.encode(select(model, msgspec.json.decode(body), names))


def _row_model(model: type[BaseModel]) -> type[BaseModel]:
    rows = _ROWS.get(model)
    if rows is None:
        return model
    found: type[BaseModel] = get_args(model.model_fields[rows].annotation)[0]
    return found
