from __future__ import annotations

import json
import random

from hostile.mutation import all_bent, bent

VALUE = b'{"offset":9007199254740992,"vehicle_id":"HST00000Z00000001","speed_kmh":50.0}'


def test_the_same_seed_bends_alike() -> None:
    assert list(all_bent(VALUE, random.Random(7), 200)) == list(all_bent(VALUE, random.Random(7), 200))


def test_hardly_any_is_left_as_it_was() -> None:
    assert sum(value == VALUE for value in all_bent(VALUE, random.Random(1), 1_000)) < 10


def test_what_is_pinned_is_missing_or_as_it_was_wherever_the_value_still_decodes() -> None:
    for seed in range(1_000):
        value = bent(VALUE, random.Random(seed), pinned=("offset",))
        try:
            fields = json.loads(value)
        except ValueError:
            continue
        assert fields.get("offset", 9007199254740992) == 9007199254740992, value
