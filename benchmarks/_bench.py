"""Topics, backlogs, senders and programs on one broker."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from _fleet import registry
from _program import Program
from aiokafka import AIOKafkaProducer

from contracts.codec import encode
from contracts.topics import TOPICS, VEHICLE_STATES
from stack.topics import ensure_topics

_SENDER = Path(__file__).with_name("_sender.py")
_FILLERS = 2


class Backlog(NamedTuple):
    """Readings that wait in topics whose names end in `mark`."""

    mark: str
    vehicles: int
    readings: int
    bytes_a_reading: float


class Bench:
    """What measurements are made on."""

    def __init__(self, bootstrap: str, folder: Path) -> None:
        self.bootstrap = bootstrap
        self._folder = folder
        self._programs = 0

    def topics(self, mark: str) -> str:
        """Make all topics, their names with this mark; give the mark."""
        asyncio.run(ensure_topics(self.bootstrap, [replace(topic, name=topic.name + mark) for topic in TOPICS]))
        return mark

    def backlog(self, vehicles: int, seconds: int) -> Backlog:
        """Fill topics with a fleet's readings, and its registry."""
        mark = self.topics(f"-{vehicles}x{seconds}")
        asyncio.run(self._register(f"vehicles{mark}", vehicles))
        numbers = ["backlog", str(vehicles), str(seconds)]
        fillers = [self._sender(mark, *numbers, str(part), str(_FILLERS)) for part in range(_FILLERS)]
        told = [json.loads(filler.communicate()[0].splitlines()[-1]) for filler in fillers]
        return Backlog(mark, vehicles, vehicles * seconds, sum(each["bytes"] for each in told) / _FILLERS)

    async def _register(self, topic: str, vehicles: int) -> None:
        async with AIOKafkaProducer(bootstrap_servers=self.bootstrap, acks="all", linger_ms=5) as producer:
            for vehicle in registry(vehicles):
                await producer.send(topic, encode(vehicle), key=vehicle.vehicle_id.encode(), partition=0)
            await producer.flush()

    def program(self, name: str, mark: str, *, states: str | None = None, group: str | None = None) -> Program:
        """Make a program on the topics with a mark: with a group and states of its own by default."""
        self._programs += 1
        own = f"{mark}-{name}-{self._programs}"
        own_group = f"measured{own}"
        if states is None:
            asyncio.run(ensure_topics(self.bootstrap, [replace(VEHICLE_STATES, name=VEHICLE_STATES.name + own)]))
        return Program(
            name,
            bootstrap=self.bootstrap,
            mark=mark,
            states=states or own,
            group=group or own_group,
            folder=self._folder,
        )

    @contextmanager
    def steady_sender(self, mark: str, *, rate: int, seconds: int) -> Iterator[subprocess.Popen[str]]:
        """Give a sender that has packed everything and waits for a line."""
        sender = self._sender(mark, "steady", str(rate), str(seconds))
        assert sender.stdout is not None  # noqa: S101 - for the type checker
        if sender.stdout.readline() != "ready\n":
            raise SystemExit("the sender has ended before it was ready")
        try:
            yield sender
        finally:
            sender.kill()

    def _sender(self, mark: str, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, str(_SENDER), self.bootstrap, f"vehicle-readings{mark}", *arguments]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
