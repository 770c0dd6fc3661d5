"""All attacks, in the order in which they are made; and the short form, in which those on one surface come at once."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterable, Sequence
from functools import partial

from hostile.attack import Act, Attack, Target
from hostile.on_api import ON_API
from hostile.on_api_with_key import ON_API_WITH_KEY
from hostile.on_notifier import ON_NOTIFIER
from hostile.on_readings import LAST, ON_READINGS
from hostile.on_topics import ON_TOPICS

ATTACKS = (*ON_READINGS, *ON_TOPICS, *ON_API, *ON_API_WITH_KEY, *ON_NOTIFIER, LAST)


def together(attacks: Sequence[Attack]) -> Attack:
    """Make one attack of several on a surface, which is judged once."""
    return Attack(
        " + ".join(attack.name for attack in attacks),
        attacks[0].surface,
        partial(_all, [attack.act for attack in attacks]),
        check=partial(_all, [attack.check for attack in attacks if attack.check]),
        restarts=tuple(dict.fromkeys(itertools.chain.from_iterable(attack.restarts for attack in attacks))),
        held_ms=max(attack.held_ms for attack in attacks),
        is_drained=any(attack.is_drained for attack in attacks),
    )


async def _all(acts: Iterable[Act], target: Target) -> list[str]:
    told = await asyncio.gather(*(act(target) for act in acts))
    return list(itertools.chain.from_iterable(one or [] for one in told))


SHORT = tuple(
    together([attack for attack in on_surface if attack.is_short])
    for on_surface in (ON_READINGS, ON_TOPICS, ON_API, ON_API_WITH_KEY, ON_NOTIFIER)
)
