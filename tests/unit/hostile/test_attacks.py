from __future__ import annotations

from collections import Counter
from typing import get_args

from hostile.attack import Attack, Surface, Target
from hostile.attacks import ATTACKS, SHORT, together
from hostile.on_every_topic import BOMBED, INTERNAL

from contracts.topics import TOPICS


def test_no_two_attacks_on_a_surface_have_one_name() -> None:
    counted = Counter((attack.surface, attack.name) for attack in ATTACKS)
    assert [name for name, times in counted.items() if times > 1] == []


def test_every_surface_is_attacked_in_the_short_form_too() -> None:
    assert [attack.surface for attack in SHORT] == list(get_args(Surface))
    assert all(" + " in attack.name for attack in SHORT)


async def test_attacks_that_come_together_tell_what_each_did_not_find_and_keep_what_each_needs() -> None:
    async def refused(_: Target) -> list[str]:
        return ["a"]

    async def silent(_: Target) -> None:
        return None

    one = Attack("one", "api", refused, restarts=("api", "projector"), held_ms=3)
    other = Attack("other", "api", silent, check=refused, restarts=("projector",), held_ms=5, is_drained=True)
    both = together([one, other])
    target = Target(stack=None, door=None, seed=1)  # type: ignore[arg-type]  # neither looks at it
    assert both.check is not None
    assert (await both.act(target), await both.check(target)) == (["a"], ["a"])
    assert (both.restarts, both.held_ms, both.is_drained) == (("api", "projector"), 5, True)


def test_every_topic_but_that_of_the_readings_is_one_of_the_programs_own() -> None:
    assert {topic.name for topic in TOPICS} - {topic.name for topic in INTERNAL} == {"vehicle-readings"}
    assert sorted(topic.name for topics in BOMBED for topic in topics) == sorted(topic.name for topic in INTERNAL)
