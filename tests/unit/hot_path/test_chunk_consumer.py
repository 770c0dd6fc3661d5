from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import faust
from faust.types import TP

from hot_path.transport import Chunk, ChunkConsumer, install
from hot_path.transport.consumer import let_others_go_first

HOME = TP("readings", 0)


def _consumer(folder: Path) -> ChunkConsumer:
    app = faust.App("test", broker="kafka://127.0.0.1:1", store="memory://", datadir=str(folder), autodiscover=False)
    app.finalize()
    install(app, "readings")
    consumer: ChunkConsumer = app.consumer
    return consumer


def _chunk(first_offset: int, offset: int) -> Chunk:
    return Chunk("readings", 0, first_offset, offset, 0, 1, [])


async def test_only_what_was_called_processed_is_committed_and_only_in_order(tmp_path: Path) -> None:
    consumer = _consumer(tmp_path)
    first, second, third = chunks = [_chunk(0, 9), _chunk(10, 19), _chunk(20, 29)]
    assert all(consumer._count(HOME, chunk) for chunk in chunks)
    assert consumer._new_offset(HOME) is None
    consumer.processed(second)  # and so the first, which it follows
    assert consumer._new_offset(HOME) == 20
    consumer.processed(first)
    assert consumer._new_offset(HOME) is None
    consumer.processed(third)
    assert consumer._new_offset(HOME) == 30


async def test_what_faust_acknowledges_by_itself_is_ignored(tmp_path: Path) -> None:
    consumer = _consumer(tmp_path)
    consumer._count(HOME, _chunk(0, 9))
    consumer._acked[HOME].append(9)
    consumer._acked_index[HOME].add(9)
    assert consumer._new_offset(HOME) is None


async def test_a_chunk_of_an_ended_epoch_commits_nothing(tmp_path: Path) -> None:
    consumer = _consumer(tmp_path)
    chunk = _chunk(0, 9)
    consumer._count(HOME, chunk)
    consumer._end_epoch()
    consumer.processed(chunk)
    assert consumer._new_offset(HOME) is None


async def test_a_chunk_before_the_position_read_from_gets_no_number(tmp_path: Path) -> None:
    consumer = _consumer(tmp_path)
    consumer._read_offset[HOME] = 50
    assert not consumer._count(HOME, _chunk(0, 49))
    kept = _chunk(40, 59)
    assert consumer._count(HOME, kept)
    assert kept.sequence == 0


async def test_partitions_take_turns(tmp_path: Path) -> None:
    consumer = _consumer(tmp_path)
    other = TP("readings", 1)
    fetched = {HOME: [_chunk(0, 9), _chunk(10, 19)], other: [_chunk(0, 4), _chunk(5, 9)]}
    assert [tp for tp, _ in consumer._in_turns(fetched)] == [HOME, other, HOME, other]


def test_a_partition_with_very_much_to_read_waits_behind_the_others_after_its_turn() -> None:
    much, little, read_to_its_end = (TP("readings", number) for number in range(3))
    waiting = OrderedDict({much: "300 chunks", little: "a chunk"})
    let_others_go_first(waiting, [much, read_to_its_end])
    assert list(waiting) == [little, much]


class Fetching:
    """Stands for Faust's consumer thread: notes what is asked for."""

    def __init__(self) -> None:
        self.asked: list[set[TP]] = []

    async def getmany(self, active_partitions: set[TP], _timeout_s: float) -> dict[TP, list[Chunk]]:
        self.asked.append(active_partitions)
        return {}


async def test_of_a_partition_that_has_much_to_fold_nothing_is_fetched(tmp_path: Path) -> None:
    consumer, thread = _consumer(tmp_path), Fetching()
    other = TP("readings", 1)
    consumer._thread = thread
    consumer.is_busy = lambda partition: partition == HOME.partition
    await consumer._getmany({HOME, other}, 5.0)
    await consumer._getmany({HOME}, 5.0)
    consumer.is_busy = lambda _: False
    await consumer._getmany({HOME, other}, 5.0)
    assert thread.asked == [{other}, {HOME, other}]
