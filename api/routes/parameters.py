"""Parameters that several routes share."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Depends, Header, Path, Query, Request

from api.merge import View
from api.security.places import tells_of_no_vehicle

PREFIX = "/v1"
MOST_ROWS = 500

Limit = Annotated[int, Query(ge=1, le=MOST_ROWS, description="rows a page")]
Cursor = Annotated[str | None, Query(max_length=400, description="`next_cursor` of the page before")]
WantedView = Annotated[
    View, Query(description="merged: both layers; batch: the published version; speed: what came since")
]
Vin = Annotated[
    str,
    Path(
        pattern=r"^[A-HJ-NPR-Z0-9]{17}$",
        description="VIN: 17 of A-Z and 0-9 without I, O, Q",
        examples=["1HGCM82633A004352"],
    ),
]
Name = Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00]*$")]
AlertId = Annotated[str, Path(max_length=64, pattern=r"^[^\x00]*$")]
AtMs = Annotated[int | None, Query(ge=0, le=2**53, description="epoch milliseconds")]
EventId = Annotated[
    str | None, Header(alias="last-event-id", max_length=400, description="id of the last event seen: go on after it")
]
Since = Annotated[str | None, Query(max_length=400, description="as `Last-Event-ID`, in the address")]


def holder_of(request: Request) -> str:
    """Return who is counted where there are bounds: the key, or the address where there are no keys."""
    permit = request.scope.get("permit")
    return permit.holder if permit else "somebody"


Holder = Annotated[str, Depends(holder_of)]


async def _of_no_vehicle(request: Request) -> None:
    tells_of_no_vehicle(request.scope)


PLACELESS: Final = Depends(_of_no_vehicle)
"""What a route depends on whose answers can hold no vehicle's place: they are sent to everybody as they are."""
