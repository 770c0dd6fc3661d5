from __future__ import annotations

from typing import get_args

import pytest
from aiokafka.record.memory_records import MemoryRecords
from raw_batches import Codec, bomb


@pytest.mark.parametrize("codec", get_args(Codec))
def test_a_bomb_is_a_batch_as_brokers_take_it_and_unpacks_to_what_it_says(codec: Codec) -> None:
    built = bomb(3, key=b"k", codec=codec, is_allowed=True)
    assert len(built) < 40_000
    batch = MemoryRecords(built).next_batch()
    assert batch.validate_crc()
    assert [(record.offset, record.key, len(record.value)) for record in batch] == [
        (number, b"k", 900_000) for number in range(3)
    ]
