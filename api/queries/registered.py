"""Whether alerts of vehicles that are in no registry are shown and counted: a setting of the store that is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from api.store import tables
from api.store.database import REGISTERED_ONLY

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection


def is_registered_only(connection: Connection) -> bool:
    """Return whether alerts of registered vehicles alone are shown."""
    return bool(connection.get_execution_options().get(REGISTERED_ONLY, False))


def registered(vehicle_id: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return the condition that a vehicle is in the registry."""
    return vehicle_id.in_(select(tables.vehicles.c.vehicle_id))
