"""All attacks in their order, alone and in rounds; and the short form, a round for each surface."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterable, Sequence
from functools import partial

from hostile.attack import Act, Attack, Rounds, Target
from hostile.on_api import ON_API
from hostile.on_api_with_key import ON_API_WITH_KEY
from hostile.on_notifier import ON_NOTIFIER
from hostile.on_readings import ON_READINGS
from hostile.on_topics import ON_TOPICS

_FIRST, *_LATER = ON_READINGS
_ROUNDS: Rounds = (_FIRST, *ON_TOPICS, *ON_API, *ON_API_WITH_KEY, *ON_NOTIFIER, *_LATER)
"""Those that leave very many readings behind come late, as each judgement reads all that there are."""
ATTACKS = tuple(itertools.chain.from_iterable(_ROUNDS))


def together(attacks: Sequence[Attack]) -> Attack:
    """Make one attack of several on a surface, which is judged once."""
    if len(attacks) == 1:
        return attacks[0]
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


IN_ROUNDS = tuple(map(together, _ROUNDS))
SHORT = tuple(
    together([attack for attack in itertools.chain.from_iterable(rounds) if attack.is_short])
    for rounds in (ON_READINGS, ON_TOPICS, ON_API, ON_API_WITH_KEY, ON_NOTIFIER)
)
