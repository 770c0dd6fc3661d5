"""Restoring: what one partition of `vehicle-states` says, read in chunks. Pure."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from contracts.codec import decode
from contracts.errors import ConnectedCarsError, MalformedRecord
from contracts.record import Record
from contracts.record_checks import written_in
from contracts.vehicle_state import MARK_PREFIX, Mark
from runtime.kafka.chunk import RefusedBatch

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from contracts.record_checks import Ends
    from rules.written import Written
    from runtime.kafka.chunk import Chunk
    from runtime.kafka.chunk import Record as ChunkRecord


MOST_STATE_BYTES = 512 * 1024
"""Eight times an honest one's, so that with what its readings add it fits a record again, and its alerts do."""


class LostChunk(ConnectedCarsError):
    """A chunk was fetched and never arrived; only reading again from the committed offset is safe."""


class _Position(msgspec.Struct):
    """How far a state (`offset`) or a mark (`next_offset`) has come; all other fields are skipped."""

    offset: int = -1
    next_offset: int = -1


class Delivery:
    """Watches the chunks of one partition arrive: none may be missing, none of an ended epoch may count."""

    def __init__(self) -> None:
        """Expect the first chunk of any epoch."""
        self._epoch = -1
        self._sequence = 0
        self._next_offset = 0

    def is_due(self, chunk: Chunk) -> bool:
        """Tell whether a chunk counts; False for one of an ended epoch. Raises LostChunk on a gap."""
        if chunk.epoch < self._epoch:
            return False
        if chunk.epoch > self._epoch:
            self._epoch, self._sequence = chunk.epoch, 0
        if chunk.sequence != self._sequence and chunk.first_offset > self._next_offset:
            raise LostChunk(
                f"{chunk.topic}[{chunk.partition}]: chunk {chunk.sequence} from offset {chunk.first_offset} arrived "
                f"where chunk {self._sequence} from offset {self._next_offset} was due"
            )
        self._sequence = chunk.sequence + 1
        self._next_offset = max(self._next_offset, chunk.next_offset)
        return True


_NO_KEY = MalformedRecord("it has no key", flaw="key")


class _Kept(NamedTuple):
    position: int
    offset: int
    at_ms: int
    value: bytes


class PartitionRecords:
    """The newest record of each key, by position and not by place: a worker thought dead may have written last.

    Only these are decoded in full and judged. An older record of a vehicle can add nothing to one that is believed: its
    totals are counters that only grow with the offset. Behind one that is not believed, it is looked for again.
    """

    def __init__(self) -> None:
        """Start empty."""
        self._newest: dict[bytes, _Kept] = {}
        self._delivery = Delivery()
        self._place = ("", -1)
        self.refused: list[tuple[Record, MalformedRecord]] = []
        """Records that do not decode or cannot be true."""

    def take(self, chunk: Chunk) -> None:
        """Take a chunk of the partition. Raises LostChunk."""
        if not self._delivery.is_due(chunk):
            return
        self._place = chunk.topic, chunk.partition
        newest = self._newest
        for batch in chunk.batches:
            for record in batch.records:
                key, value = record.key, record.value
                if key is None:
                    self._without_key(record, batch.received_at_ms)
                    continue
                if value is None:
                    _forget(newest, key)
                    continue
                kept = _Kept(-1, record.offset, batch.received_at_ms, value)
                position = self._position(key, kept)
                known = newest.get(key)
                if position is not None and (known is None or position >= known[0]):
                    newest[key] = kept._replace(position=position)

    def count(self) -> int:
        """Count the keys that are not judged yet."""
        return len(self._newest)

    def believed(
        self, ends: Ends, topic_id: str | None, *, most: int | None = None
    ) -> tuple[dict[bytes, Written], set[bytes]]:
        """Judge what was read: what is believed, and the keys of which an older record is wanted.

        At most `most` keys at a time, as a partition may have hundreds of thousands; what is judged is let go.
        """
        found: dict[bytes, Written] = {}
        lost: set[bytes] = set()
        for _ in range(self.count() if most is None else min(most, self.count())):
            key, kept = self._newest.popitem()
            record = self._record(key, kept)
            try:
                found[key] = believed_in(record, ends, topic_id)
            except MalformedRecord as error:
                self._refuse(record, error)
                lost.add(key)
        return found, lost

    def _position(self, key: bytes, kept: _Kept) -> int | None:
        try:
            return _position_of(key, kept.value)
        except MalformedRecord as error:
            self._refuse(self._record(key, kept), error)
            return None

    def _without_key(self, record: ChunkRecord, at_ms: int) -> None:
        problem = MalformedRecord(record.problem.detail, flaw="size") if isinstance(record, RefusedBatch) else _NO_KEY
        self._refuse(Record(*self._place, record.offset, at_ms, None, None), problem)

    def _refuse(self, record: Record, error: MalformedRecord) -> None:
        self.refused.append((record._replace(value=None), error))  # a flood of them must fit into memory

    def _record(self, key: bytes, kept: _Kept) -> Record:
        return Record(*self._place, kept.offset, kept.at_ms, key, kept.value)


class OlderRecords:
    """The newest record that is believed of each of some keys, each record judged: behind one that cannot be true."""

    def __init__(self, keys: Collection[bytes], ends: Ends, topic_id: str | None) -> None:
        """Want these keys."""
        self._keys = keys
        self._ends = ends
        self._topic_id = topic_id
        self._newest: dict[bytes, tuple[int, Written]] = {}

    def take(self, record: Record) -> None:
        """Take one record of the partition; they come in the order of their offsets."""
        key = record.key
        if key is None or key not in self._keys:
            return
        if record.value is None:
            _forget(self._newest, key)
            return
        with suppress(MalformedRecord):  # told when it was read first
            found = believed_in(record, self._ends, self._topic_id)
            position = _position_of(key, record.value)
            known = self._newest.get(key)
            if known is None or position >= known[0]:
                self._newest[key] = position, found

    def believed(self) -> dict[bytes, Written]:
        """Return what is believed of the keys that have such a record."""
        return {key: found for key, (_, found) in self._newest.items()}


def believed_in(record: Record, ends: Ends, topic_id: str | None) -> Written:
    """Return what a record of `vehicle-states` says. Raises MalformedRecord; a mark of another topic has that flaw."""
    if record.key is not None and record.key.startswith(MARK_PREFIX):
        # Before its offset, which means nothing where the topic is another one.
        mark = written_in(record, None)
        if isinstance(mark, Mark) and is_of_another_topic(mark, topic_id):
            raise MalformedRecord(f"a mark of the topic {mark.topic_id}, where it now is {topic_id}", flaw="topic")
    elif record.value is not None and len(record.value) > MOST_STATE_BYTES:
        raise MalformedRecord(f"a state of {len(record.value)} bytes; at most {MOST_STATE_BYTES} are read", flaw="size")
    return written_in(record, ends)


def is_of_another_topic(mark: Mark, topic_id: str | None) -> bool:
    """Tell whether a mark was written for a topic of readings that was deleted; where no id is known, it was not."""
    return topic_id is not None and mark.topic_id is not None and mark.topic_id != topic_id


def was_created_anew(refused: Iterable[MalformedRecord], believed: Iterable[Written], topic_id: str | None) -> bool:
    """Tell whether marks speak of another topic of readings and none of this one: a single one that does is a lie."""
    is_told = any(error.flaw == "topic" for error in refused)
    return is_told and not any(isinstance(one, Mark) and one.topic_id == topic_id for one in believed)


def _forget(newest: dict[bytes, Any], key: bytes) -> None:
    """Take the tombstone of a vehicle that was erased; nobody takes a mark back."""
    if not key.startswith(MARK_PREFIX):
        newest.pop(key, None)


def _position_of(key: bytes, value: bytes) -> int:
    """Return how far a state or a mark has come; a field that its kind does not have says nothing."""
    found = decode(value, _Position)
    return found.next_offset if key.startswith(MARK_PREFIX) else found.offset
