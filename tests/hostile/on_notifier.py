"""What one receiver of webhooks can do to the notifier, and to those beside it."""

from __future__ import annotations

from functools import partial
from typing import Final, get_args

from hostile.attack import Attack, Target
from hostile.observers import Mood
from hostile.sending import send_readings
from hostile.vehicles import home, new_vin, now_ms, reading_bytes

_LONG_S: Final = 6.0


async def moody(mood: Mood, target: Target) -> None:
    """Let a car of nobody's fleet raise forty alerts, which only the moody receiver is told of."""

    async def alerts() -> None:
        vin, began_ms = new_vin(), now_ms() - 60_000
        codes = tuple(f"C{number:04X}" for number in range(40))
        values = [
            reading_bytes(vin, second, began_ms=began_ms, second=second, trouble_codes=codes) for second in range(10)
        ]
        await send_readings(target.bootstrap, values, vin=vin, partition=home(vin))

    await target.stack.moody.in_mood(mood, _LONG_S, alerts)


ON_NOTIFIER: Final = tuple(
    Attack(f"a receiver that is {mood}" if mood.endswith("ing") else f"a receiver with {mood}", "notifier",
           partial(moody, mood), is_short=mood in ("trickling", "packed bomb"))
    for mood in get_args(Mood) if mood != "kind"
)  # fmt: skip
