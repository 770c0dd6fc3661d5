"""The command `api erase VIN`: what the topics and the store know of one vehicle, gone for good.

The erasure itself is a record of the compacted topic `vehicle-erasures`, so a store that is built anew honours it too.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError

from api.kafka.producer import KafkaWriter, Outgoing
from api.projector.erasure import action_keys, is_known
from api.security.audit import AuditLog
from api.store.database import Store
from contracts.codec import encode
from contracts.errors import InvalidInput, Unavailable
from contracts.partitioning import partition_of_key
from contracts.topics import ALERT_ACTIONS, VEHICLE_ERASURES, VEHICLE_STATES, VEHICLES
from contracts.vehicle import VIN, Erasure

if TYPE_CHECKING:
    from collections.abc import Callable

    from api.settings import EraseSettings

log = logging.getLogger(__name__)

_LOOK_S = 0.2


async def erase(asked: EraseSettings, clock: Callable[[], int]) -> None:
    """Write the erasure, and wait until the projector has followed it.

    Raises InvalidInput for what is no VIN, Unavailable when Kafka or the projector does not answer.
    """
    if not VIN.fullmatch(asked.vin):
        raise InvalidInput(f"{asked.vin!r} is no VIN; write 17 of A-Z and 0-9 without I, O, Q")
    store, writer = Store(asked.store), KafkaWriter(asked.bootstrap)
    try:
        records = _records(asked, clock(), store)
        AuditLog(asked.audit, clock).note(asked.by, "erase", vehicle_id=asked.vin)
        await writer.write(records)
        await _followed(asked, store)
    finally:
        await writer.close()
        store.close()
    log.info("vehicle erased", extra={"vehicle_id": asked.vin})


def _records(asked: EraseSettings, at_ms: int, store: Store) -> list[Outgoing]:
    """Give the erasure, and a tombstone for everything that a compacted topic keeps of the vehicle."""
    key = asked.vin.encode()
    with store.snapshot() as connection:
        actions = action_keys(connection, asked.vin)
    return [
        *(Outgoing(ALERT_ACTIONS.name, action, None, 0) for action in actions),
        Outgoing(VEHICLES.name, key, None, 0),
        Outgoing(VEHICLE_STATES.name, key, None, partition_of_key(key, VEHICLE_STATES.partitions)),
        Outgoing(VEHICLE_ERASURES.name, key, encode(Erasure(asked.vin, asked.by, at_ms)), 0),
    ]


async def _followed(asked: EraseSettings, store: Store) -> None:
    def is_gone() -> bool:
        with store.snapshot() as connection:
            return not is_known(connection, asked.vin)

    try:
        async with asyncio.timeout(asked.wait):
            while not await asyncio.to_thread(is_gone):  # noqa: ASYNC110 - the store tells nobody
                await asyncio.sleep(_LOOK_S)
    except (TimeoutError, DBAPIError) as error:
        message = f"the erasure of {asked.vin} is in Kafka and will not be lost, but the store still knows the vehicle"
        raise Unavailable(
            f"{message} after {asked.wait:g} s; is `api projector` running, and the car still driving?"
        ) from error
