"""A tick's readings cut up for the way to Kafka: a slice every 50 ms, in it one batch for each partition. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from simulator.transport.arrivals import Arrivals

_A_SECOND: Final = 20


@dataclass(frozen=True, slots=True)
class Slice:
    """Readings that leave together, `due_ms` after the tick's begin; partition, keys and messages of each batch."""

    due_ms: int
    batches: list[tuple[int, list[bytes], list[bytes]]]


def slices(arrived: Arrivals, *, began_ms: int) -> Iterator[Slice]:
    """Cut arrivals, in rising time, into slices; within a batch they keep their order. A slice is due at its last."""
    count = len(arrived.keys)
    due_ms = np.maximum(arrived.arrives_at_ms - began_ms, 0)
    number = due_ms * _A_SECOND // 1000
    order = np.lexsort((arrived.partition, number))
    keys, messages = _reordered(arrived.keys, order), _reordered(arrived.messages, order)
    number, partition = number[order], arrived.partition[order]
    batches = np.flatnonzero(np.diff(number, prepend=-1) | np.diff(partition, prepend=-1))
    starts, ends = batches.tolist(), [*batches[1:].tolist(), count]
    of_slice: dict[int, list[tuple[int, list[bytes], list[bytes]]]] = {}
    for start, end in zip(starts, ends[: len(starts)], strict=True):
        batch = (int(partition[start]), keys[start:end], messages[start:end])
        of_slice.setdefault(int(number[start]), []).append(batch)
    for each, some in of_slice.items():
        yield Slice(int(due_ms[np.searchsorted(due_ms * _A_SECOND // 1000, each, side="right") - 1]), some)


def _reordered(values: list[bytes], order: np.ndarray) -> list[bytes]:
    boxed = np.empty(len(values), dtype=object)
    boxed[:] = values
    reordered: list[bytes] = boxed[order].tolist()
    return reordered
