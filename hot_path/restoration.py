"""Restoring: what one partition of `vehicle-states` says, read in chunks. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from contracts.codec import decode
from contracts.errors import ConnectedCarsError, MalformedRecord
from rules.written import restored

if TYPE_CHECKING:
    from contracts.vehicle_state import Mark, VehicleState
    from hot_path.transport.chunk import Chunk


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


class PartitionRecords:
    """The newest record of each key, by position and not by place: a worker thought dead may have written last.

    Only these are decoded in full. An older record of a vehicle can add nothing to them: its totals are counters that
    only grow with the offset.
    """

    def __init__(self) -> None:
        """Start empty."""
        self._newest: dict[bytes, tuple[int, bytes]] = {}
        self._delivery = Delivery()
        self.refused: list[tuple[bytes, MalformedRecord]] = []
        """Keys of records that do not decode. An older record of the key stands in, else its vehicle begins anew."""

    def take(self, chunk: Chunk) -> None:
        """Take a chunk of the partition. Raises LostChunk."""
        if not self._delivery.is_due(chunk):
            return
        newest = self._newest
        for batch in chunk.batches:
            for record in batch.records:
                key, value = record.key, record.value
                if key is None:
                    continue
                if value is None:
                    newest.pop(key, None)
                    continue
                position = self._position(key, value)
                known = newest.get(key)
                if position is not None and (known is None or position >= known[0]):
                    newest[key] = position, value

    def states(self) -> tuple[dict[str, VehicleState], Mark | None]:
        """Decode what was read: the states, and the mark behind them."""
        return restored(((key, value) for key, (_, value) in self._newest.items()), refused=self._refuse)

    def _position(self, key: bytes, value: bytes) -> int | None:
        try:
            found = decode(value, _Position)
        except MalformedRecord as error:
            self._refuse(key, error)
            return None
        return max(found.offset, found.next_offset)

    def _refuse(self, key: bytes, error: MalformedRecord) -> None:
        self.refused.append((key, error))
