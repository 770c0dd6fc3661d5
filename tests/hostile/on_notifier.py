"""What one receiver of webhooks can do to the notifier, and to those beside it."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Final

from hostile.attack import Attack, Rounds, Target
from hostile.observers import MOODS, Mood
from hostile.sending import send, send_readings
from hostile.vehicles import home, new_vin, now_ms, reading_bytes

from contracts.codec import encode
from contracts.topics import VEHICLES
from contracts.vehicle import Vehicle

_LONG_S: Final = 6.0
_REGISTERED_S: Final = 1.0
_SHORT: Final = ("trickling", "packed bomb", "endless informational answers", "a redirect to no name")


async def moody(mood: Mood, target: Target) -> list[str]:
    """Let a car raise forty alerts which only a receiver is told of that is in a mood."""
    receiver = target.stack.moody[mood]

    async def alerts() -> None:
        vin, began_ms = new_vin(), now_ms() - 60_000
        vehicle = Vehicle(vehicle_id=vin, make="Honda", model="Accord", year=2020, fleet=mood)
        await send(target.bootstrap, VEHICLES, [(vin.encode(), encode(vehicle), 0, [])])
        await asyncio.sleep(_REGISTERED_S)
        codes = tuple(f"C{number:04X}" for number in range(40))
        values = [
            reading_bytes(vin, second, began_ms=began_ms, second=second, trouble_codes=codes) for second in range(10)
        ]
        await send_readings(target.bootstrap, values, vin=vin, partition=home(vin))

    before = len(receiver.arrived)
    await receiver.moody(_LONG_S, alerts)
    return [] if len(receiver.arrived) > before else ["the receiver was told of no alert, so its mood was not tried"]


ON_NOTIFIER: Final[Rounds] = (
    tuple(
        Attack(f"a receiver that is {mood}" if mood.endswith(("ing", "up")) else f"a receiver with {mood}", "notifier",
               partial(moody, mood), is_short=mood in _SHORT)
        for mood in MOODS
    ),
)  # fmt: skip
