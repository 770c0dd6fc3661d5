"""The way from car to broker: readings go in as they are spoken and come out as they arrive. No clock, no socket."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from simulator.readings.columns import ReadingColumns
from simulator.transport.disturbances import Deliveries, Disturbances, deliveries, skew_ms
from simulator.vehicles.fleet import Integers

_FAR_MS: Final = 2**62


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Readings in the order of their arrival: when (epoch milliseconds of the simulation), and to which partition."""

    keys: list[bytes]
    messages: list[bytes]
    arrives_at_ms: Integers
    partition: Integers


class Transport:
    """Holds what is on its way. Time given to it never goes back."""

    def __init__(self, disturbances: Disturbances) -> None:
        """Begin with nothing on its way."""
        self.disturbances = disturbances
        """May be changed between two calls; what is on its way already stays as it was disturbed."""
        self._held: list[tuple[int, int, bytes, bytes, int]] = []
        self._count = 0
        self.told: Counter[str] = Counter()
        """How many readings were lost, malformed, duplicated and delayed so far."""

    def skewed(self, readings: ReadingColumns) -> ReadingColumns:
        """Give the readings with the times that each car's clock shows."""
        if not self.disturbances.clock_skew.amount:
            return readings
        values = readings.values
        wrong_ms = skew_ms(self.disturbances, values["vehicle_id"])
        times = {name: values[name] + wrong_ms for name in ("recorded_at_ms", "trip_started_at_ms")}
        return replace(readings, values=values | times)

    def carried(
        self, readings: ReadingColumns, messages: list[bytes], *, sent_at_ms: Integers, until_ms: int
    ) -> Arrivals:
        """Take readings, with their bytes and true times in rising order; give what arrives before `until_ms`."""
        keys: list[bytes] = readings.values["vehicle_id"].tolist()
        if self.disturbances.is_quiet:
            return Arrivals(keys, messages, sent_at_ms, readings.partition)
        found = deliveries(
            self.disturbances,
            vehicle_id=readings.values["vehicle_id"],
            sequence=readings.values["sequence"],
            sent_at_ms=sent_at_ms,
            ends_trip=~readings.values["ignition_on"].astype(np.bool_),
        )
        self._tell(found, sent_at_ms)
        messages = _damaged(found, readings, messages)
        is_now = found.arrives_at_ms < until_ms
        for at in np.flatnonzero(~is_now).tolist():
            row = found.row[at]
            self._hold(int(found.arrives_at_ms[at]), keys[row], messages[at], int(readings.partition[row]))
        now = np.flatnonzero(is_now)
        held = self._released(until_ms)
        arrives = np.concatenate([np.array([one[0] for one in held], dtype=np.int64), found.arrives_at_ms[now]])
        partition = np.concatenate([_partitions(held), readings.partition[found.row[now]]])
        all_keys = [one[2] for one in held] + [keys[row] for row in found.row[now].tolist()]
        all_messages = [one[3] for one in held] + [messages[at] for at in now.tolist()]
        order = np.argsort(arrives, kind="stable")
        rows = order.tolist()
        return Arrivals(
            [all_keys[row] for row in rows], [all_messages[row] for row in rows], arrives[order], partition[order]
        )

    def rest(self) -> Arrivals:
        """Give everything that is still on its way."""
        held = self._released(_FAR_MS)
        arrives = np.array([one[0] for one in held], dtype=np.int64)
        return Arrivals([one[2] for one in held], [one[3] for one in held], arrives, _partitions(held))

    def _hold(self, arrives_at_ms: int, key: bytes, message: bytes, partition: int) -> None:
        self._count += 1
        heapq.heappush(self._held, (arrives_at_ms, self._count, key, message, partition))

    def _released(self, until_ms: int) -> list[tuple[int, int, bytes, bytes, int]]:
        released = []
        while self._held and self._held[0][0] < until_ms:
            released.append(heapq.heappop(self._held))
        return released

    def _tell(self, found: Deliveries, sent_at_ms: Integers) -> None:
        self.told["lost"] += found.lost
        self.told["duplicated"] += len(found.row) + found.lost - len(sent_at_ms)
        self.told["malformed"] += int(found.is_malformed.sum())
        self.told["delayed"] += int((found.arrives_at_ms > sent_at_ms[found.row]).sum())


def _partitions(held: list[tuple[int, int, bytes, bytes, int]]) -> Integers:
    return np.array([one[4] for one in held], dtype=np.int64)


def _damaged(found: Deliveries, readings: ReadingColumns, messages: list[bytes]) -> list[bytes]:
    """Give the bytes of each delivery; the kind of damage follows from the sequence number."""
    arriving = [messages[row] for row in found.row.tolist()]
    for at in np.flatnonzero(found.is_malformed).tolist():
        kind = int(readings.values["sequence"][found.row[at]]) % len(DAMAGES)
        arriving[at] = DAMAGES[kind](arriving[at])
    return arriving


DAMAGES: Final[tuple[Callable[[bytes], bytes], ...]] = (
    lambda message: message[: len(message) // 2],
    lambda message: message.replace(b'"speed_kmh":', b'"speed":', 1),
    lambda message: message.replace(b'"engine_rpm":', b'"engine_rpm":"', 1),
    lambda message: message.replace(b'"speed_kmh":', b'"speed_kmh":999,"shown":', 1),
    lambda _: b"",
    lambda message: b"\xff\xfe" + message,
)
"""Cut off, a field missing, a quote too many, a speed that cannot be, nothing at all, bytes that are no text."""
