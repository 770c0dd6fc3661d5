"""Steering a simulated fleet, as a demo has one: what is asked goes on to its control, which judges it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Body, Path

from api.routes.parameters import PREFIX

if TYPE_CHECKING:
    from api.fleet_control import FleetControl

_Change = Annotated[
    dict[str, Any],
    Body(
        description="any of vehicles, rate (readings a second and car), paused, disturbances",
        examples=[{"paused": True}, {"rate": 2, "disturbances": {"late": 0.1}}],
    ),
]
_Fault = Annotated[
    dict[str, Any],
    Body(
        description="vehicle_id and fault; also severity (0 to 1), growth_s, repair_s",
        examples=[{"vehicle_id": "0CC00010N00000001", "fault": "coolant_leak"}],
    ),
]
_Name = Annotated[str, Path(min_length=1, max_length=40)]


def simulator_routes(control: FleetControl) -> APIRouter:
    """Make the routes."""
    routes = APIRouter(prefix=f"{PREFIX}/simulator", tags=["simulator"])

    @routes.get("", summary="The simulated fleet: cars, rate, open faults, disturbances")
    async def state() -> dict[str, Any]:
        """Give its state, and the kinds of faults that can be begun."""
        return await control.ask("GET", "/")

    @routes.patch("", summary="Change cars, rate, pause or disturbances of the simulated fleet")
    async def change(wanted: _Change) -> dict[str, Any]:
        """Change what is named; the answer is the state after it."""
        return await control.ask("PATCH", "/", wanted)

    @routes.post("/faults", status_code=201, summary="Break something on a simulated vehicle")
    async def begin_fault(wanted: _Fault) -> dict[str, Any]:
        """Let a fault begin as soon as the vehicle drives."""
        return await control.ask("POST", "/faults", wanted)

    @routes.delete("/faults/{vehicle_id}/{fault}", summary="Repair a simulated vehicle")
    async def clear_fault(vehicle_id: _Name, fault: _Name) -> dict[str, Any]:
        """End a fault, or forget one that has not begun."""
        return await control.ask("DELETE", f"/faults/{quote(vehicle_id, safe='')}/{quote(fault, safe='')}")

    return routes
