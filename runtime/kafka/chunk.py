"""A chunk: what is delivered as one Faust message. Records as they came, in the record batches they came in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from contracts.errors import MalformedReading


class Record(Protocol):
    """One Kafka record, as aiokafka's record parser gives it."""

    offset: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]


@dataclass(slots=True)
class RefusedBatch:
    """Stands for all records of a batch that cannot be read: its bytes as the broker has them, and why."""

    offset: int
    value: bytes | None
    problem: MalformedReading
    key: bytes | None = None
    headers: list[tuple[str, bytes | None]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class RecordBatch:
    """Records of one partition that reached the broker together, in offset order.

    With `LogAppendTime` they share one broker time, `received_at_ms` (epoch milliseconds).
    """

    received_at_ms: int
    records: Iterable[Record]
    """To be read once: most are made while they are read."""
    is_beginning: bool = True
    """Whether these are the batch's first records. Of a large batch each part stands in a chunk of its own."""


@dataclass(slots=True)
class Chunk:
    """About as many records as fit into a few milliseconds of work; all of one partition, in offset order.

    Its offsets also cover what is not delivered: aborted transactions, and the markers that end transactions. Where
    there is nothing else a chunk has no batches.

    Looks enough like an aiokafka ConsumerRecord for Faust to make a message of: `offset` is the *last* one.
    `epoch` and `sequence` say in which reading since the last seek, and as which chunk of it, the chunk was delivered:
    a gap in the sequence is a lost chunk.
    """

    topic: str
    partition: int
    first_offset: int
    offset: int
    timestamp: int
    timestamp_type: int
    batches: list[RecordBatch]
    epoch: int = -1
    sequence: int = -1
    key: None = None
    headers: tuple[tuple[str, bytes], ...] = ()
    checksum: None = None
    serialized_key_size: int = -1
    serialized_value_size: int = -1
    value: Chunk = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.value = self

    @property
    def next_offset(self) -> int:
        """The first offset after the chunk."""
        return self.offset + 1
