from __future__ import annotations

from collections import Counter
from typing import get_args

from hostile.attack import Surface
from hostile.attacks import ATTACKS, SHORT
from hostile.on_topics import INTERNAL

from contracts.topics import TOPICS


def test_no_two_attacks_on_a_surface_have_one_name() -> None:
    counted = Counter((attack.surface, attack.name) for attack in ATTACKS)
    assert [name for name, times in counted.items() if times > 1] == []


def test_every_surface_is_attacked_in_the_short_form_too() -> None:
    assert {attack.surface for attack in SHORT} == set(get_args(Surface))
    assert len(SHORT) < len(ATTACKS) / 3


def test_every_topic_but_that_of_the_readings_is_one_of_the_programs_own() -> None:
    assert {topic.name for topic in TOPICS} - {topic.name for topic in INTERNAL} == {"vehicle-readings"}
    bombed = {attack.name for attack in ATTACKS if attack.surface == "topics"}
    assert {f"bombs on {topic.name}" for topic in INTERNAL} <= bombed
