"""The whole application as processes on a real broker, as the demo plans it, with what an attack is judged by."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import json
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

import httpx
import psutil
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from eventually import eventually_async
from hostile.observers import MOODS, KindReceiver, MoodyReceiver, StreamWatch
from hostile.ordinary_cars import FLEET, Traffic, fleet
from prometheus_client.parser import text_string_to_metric_families

from api.role import Role
from api.security.keys import added, read_keys, revoked, write_keys
from contracts.topics import COLD_PATH_GROUP, HOT_PATH_GROUP, READ_BY, SERVING_GROUP
from stack import plan
from stack.broker import USUAL_HEAP_MB, prepared_broker, server_properties
from stack.doors import Doors
from stack.ensemble import Ensemble
from stack.environment import now_ms
from stack.listener import Listener
from stack.memory import resident_mb
from stack.plan import Ports
from stack.ports import LOOPBACK, free_port, free_ports
from stack.preparation import Prepared
from stack.program import Program
from stack.run_folder import RunFolder
from stack.settings import DemoSettings
from stack.topics import ensure_topics
from stack.verification import told_by

GARBAGE_ONLY: Final = 7
"""The partition that no ordinary car, and no simulated one, is in."""
_CARS_A_PARTITION: Final = 12
_START_S: Final = 240.0
_FIRST_ANSWER_S: Final = 180.0
_VERIFY_S: Final = 60.0
_STOP_ORDER: Final = (
    ("simulator",),
    ("hot-path", "cold-path", "projector", "api", "api-with-keys", "notifier"),
    ("kafka",),
)
_WRONG_IN_VERIFY: Final = ("_missing", "_extra", "_differing", "_missed", "_surplus")
_SECRET: Final = "sixteen characters"  # noqa: S105 - of a test

Ends = dict[TopicPartition, int]


@dataclasses.dataclass(frozen=True, slots=True)
class Door:
    """An API's address, and the headers that its caller sends: those of a viewer, where it asks for a key."""

    name: str
    url: str
    headers: Mapping[str, str]


class RunningStack:
    """Everything that runs; `start` and `stop` once each."""

    def __init__(self, folder: Path, prepared: Prepared) -> None:
        """Choose ports and names; start nothing. Call inside a running event loop."""
        self.folder = RunFolder(folder)
        self.ports = Ports(*free_ports(*[None] * 8))
        self.keyed_port = free_port()
        self.api_url = self.ports.api_url
        self.keyed_url = f"http://{LOOPBACK}:{self.keyed_port}"
        self.keys_file = folder / "api" / "keys-in-force.json"
        self.kind, self.every = KindReceiver(), KindReceiver()
        self.moody = {mood: MoodyReceiver(mood) for mood in MOODS}
        self.listener = Listener(self.ports.bootstrap)
        self.peak_mb: dict[str, int] = {}
        self._files = prepared.files
        self.environment = prepared.variables
        self._settings = DemoSettings(vehicles=1, every=4.0, fault_rate=0.0, driver_memory="1g")
        self._ensemble = Ensemble(environment=prepared.variables, say=lambda *_: None, logs=self.folder.logs)
        self._doors = Doors(self.api_url)
        self._earlier_restarts = Counter[str]()
        self._tasks: list[asyncio.Task[None]] = []
        self._status = {
            "hot-path": self.ports.hot_path,
            "cold-path": self.ports.cold_path,
            "api": self.ports.api,
            "api-with-keys": self.keyed_port,
        }

    async def start(self) -> None:
        """Start all programs and the ordinary cars; wait until a version is served, and alerts arrive."""
        await self._start_broker()
        self.viewer_key = self.made_key("watching viewer", "viewer")
        self.attackers_key = self.made_key("hostile viewer", "viewer")
        self.greedy_key = self.made_key("greedy viewer", "viewer")
        for receiver in self._receivers():
            await receiver.start()
        programs = self._programs()
        for program in programs:
            self._ensemble.start(program)
        self._tasks.append(asyncio.create_task(self._watch_memory()))
        self._drive()
        waiting = [program.ready for program in programs if program.ready]
        await eventually_async(lambda: self._all_ready(waiting), within_s=_START_S, every_s=0.3)
        await eventually_async(self._has_answered, within_s=_FIRST_ANSWER_S, every_s=0.5)

    def _drive(self) -> None:
        cars = fleet(begun_ms=now_ms(), per_partition=_CARS_A_PARTITION, without=GARBAGE_ONLY)
        self.traffic = Traffic(self.ports.bootstrap, cars)
        self.streams = [StreamWatch(self.api_url), StreamWatch(self.keyed_url, self.viewer_key)]
        watching = [self.traffic.drive(), *(stream.watch() for stream in self.streams)]
        self._tasks += [asyncio.create_task(each) for each in watching]

    async def stop(self) -> None:
        """End everything that was started."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._doors.close()
        await self.listener.stop()
        await self._ensemble.stop_all(*_STOP_ORDER)
        for receiver in self._receivers():
            await receiver.stop()

    def made_key(self, name: str, role: Role) -> str:
        """Make an API key, as `api keys add` does."""
        key, keys = added(read_keys(self.keys_file), name, role, sees_positions=False, at_ms=now_ms())
        write_keys(self.keys_file, keys)
        return key

    def door(self, name: str) -> Door:
        """Return the way into `api` or `api-with-keys`."""
        if name == "api":
            return Door(name, self.api_url, {})
        return Door(name, self.keyed_url, {"authorization": f"Bearer {self.attackers_key}"})

    def revoke_key(self, name: str) -> None:
        """End a key, as `api keys revoke` does."""
        write_keys(self.keys_file, revoked(read_keys(self.keys_file), name, at_ms=now_ms()))

    def restarts(self) -> dict[str, int]:
        """Return how often each program had to be started again, without those on purpose."""
        now = Counter({name: child.restarts for name, child in self._ensemble._children.items()})
        return dict(now + self._earlier_restarts)

    async def restart(self, name: str) -> None:
        """End a program as a new release would, and wait until its successor is ready."""
        child = self._ensemble._children[name]
        self._earlier_restarts[name] += child.restarts
        await self._ensemble.stop(name)
        self._ensemble.start(child.program)
        if (ready := child.program.ready) is not None:
            await eventually_async(lambda: self._all_ready([ready]), within_s=40, every_s=0.2)

    async def ends(self, group: str) -> Ends:
        """Return where the topics that a group reads end now."""
        return await self.listener.ends(*READ_BY[group])

    async def standing(self, group: str, ends: Ends, *, within_s: float) -> list[str]:
        """Wait until a group has committed up to `ends`; name the partitions that it did not reach in time."""
        try:
            async with asyncio.timeout(within_s):
                while await self._behind(group, ends):  # noqa: ASYNC110 - Kafka tells nobody
                    await asyncio.sleep(0.2)
        except TimeoutError:
            return [f"{group} {told}" for told in await self._behind(group, ends)]
        return []

    async def _behind(self, group: str, ends: Ends) -> list[str]:
        done: Mapping[TopicPartition, int] = {}
        with suppress(KafkaError):
            done = await self.listener.committed(group)
        return [
            f"{at.topic}/{at.partition} at {done.get(at, 0)} of {end}"
            for at, end in sorted(ends.items())
            if done.get(at, 0) < end
        ]

    async def verified(self) -> tuple[bool | None, str]:
        """Compare the merged answers with a recomputation: equal or not, None without a verdict; and its words."""
        program = plan.verify(self.folder, self.ports)
        told = await told_by(program, self.environment, within_s=_VERIFY_S)
        if told is None:
            return None, f"no verdict within {_VERIFY_S:g} s"
        code, output = told
        return {0: True, 1: False}.get(code), _verdict(output)

    async def figures(self, name: str, metric: str) -> dict[tuple[str, ...], float]:
        """Return a program's counter by its labels' values; nothing while it does not answer."""
        async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
            try:
                address = f"http://{LOOPBACK}:{self._status[name]}/metrics"
                told = (await client.get(address, headers={"x-api-key": self.viewer_key})).text
            except httpx.HTTPError:
                return {}
        families = text_string_to_metric_families(told)
        samples = itertools.chain.from_iterable(family.samples for family in families if family.name == metric)
        return {tuple(one.labels.values()): one.value for one in samples if one.name == f"{metric}_total"}

    async def has_read_all(self) -> list[str]:
        """Wait until every group has read what is there now; name what stands."""
        limits = {HOT_PATH_GROUP: 45.0, COLD_PATH_GROUP: 90.0, SERVING_GROUP: 45.0}
        ends = {group: await self.ends(group) for group in limits}
        told = [await self.standing(group, ends[group], within_s=most_s) for group, most_s in limits.items()]
        return list(itertools.chain.from_iterable(told))

    async def _start_broker(self) -> None:
        ports, data = self.ports, self.folder.kafka
        properties = server_properties(data=data.resolve(), port=ports.kafka, controller_ports=[ports.controller])
        command = await asyncio.to_thread(prepared_broker, self._files, properties, data=data, heap_mb=USUAL_HEAP_MB)
        self._ensemble.start(Program("kafka", tuple(command), grace_s=20.0))
        await ensure_topics(ports.bootstrap, wait_s=60.0)
        await self.listener.start()

    def _programs(self) -> list[Program]:
        folder, ports = self.folder, self.ports
        cold_path, api = plan.cold_path(self._settings, folder, ports), plan.api(folder, ports)
        return [
            dataclasses.replace(cold_path, command=(*cold_path.command, "--no-match")),
            plan.hot_path(ports),
            plan.projector(folder, ports),
            api,
            self._api_with_keys(api),
            self._notifier(),
            plan.simulator(self._settings, folder, ports),
        ]

    def _api_with_keys(self, api: Program) -> Program:
        """Return the same API once more, as hosts that others reach have it."""
        replaced = {"--port": self.keyed_port, "--keys": self.keys_file, "--audit": self.audit_of("api-with-keys")}
        command = list(api.command)
        for flag, value in replaced.items():
            command[command.index(flag) + 1] = str(value)
        return Program("api-with-keys", tuple(command), ready=f"{self.keyed_url}/health/ready")

    def _receivers(self) -> list[KindReceiver]:
        return [self.kind, self.every, *self.moody.values()]

    def _notifier(self) -> Program:
        """Return the notifier of 3 kinds of receivers: for ordinary cars, for all, and a moody one for each mood."""
        wishes = [("kind", self.kind, [FLEET]), ("every", self.every, [])]
        wishes += [(mood.replace(" ", "-"), receiver, [mood]) for mood, receiver in self.moody.items()]
        webhooks = self.folder.root / "webhooks.toml"
        webhooks.write_text("".join(_webhook(name, receiver.port, fleets) for name, receiver, fleets in wishes))
        return plan._program(
            "notifier", "api", "notifier", status=free_port(), bootstrap=self.ports.bootstrap, webhooks=webhooks,
            ledger=self.folder.root / "notifier" / "ledger.db",
        )  # fmt: skip

    def client(self, command: str) -> Program:
        """Return the program that shows an answer on a terminal, as `api attention`."""
        return plan._program(command, "api", command, server=self.api_url, once=True)

    def audit_of(self, name: str) -> Path:
        """Return the file that an API notes changes in."""
        return self.folder.root / "api" / ("audit.jsonl" if name == "api" else "audit-with-keys.jsonl")

    async def _all_ready(self, addresses: list[str]) -> bool:
        return all(await asyncio.gather(*(self._doors.is_ready(address) for address in addresses)))

    async def _has_answered(self) -> bool:
        """Return whether a version is served, and every watcher has heard of an alert."""
        views = await self._doors.get("/v1/views")
        watchers: list[StreamWatch | KindReceiver] = [*self.streams, self.kind]
        return bool(views and views["served"]) and all(watcher.arrived for watcher in watchers)

    async def _watch_memory(self) -> None:
        while True:
            for name, mb in (await asyncio.to_thread(self.memory_mb)).items():
                self.peak_mb[name] = max(mb, self.peak_mb.get(name, 0))
            await asyncio.sleep(0.5)

    def memory_mb(self) -> dict[str, int]:
        """Return the resident memory of each program, with what it started."""
        children = list(self._ensemble._children.items())
        return {name: _resident_mb(child.pid) for name, child in children if child.pid is not None}


def _webhook(name: str, port: int, fleets: list[str]) -> str:
    url = f'url = "http://{LOOPBACK}:{port}/"\nallowed_networks = ["{LOOPBACK}"]\nsecret = "{_SECRET}"\n'
    return f'[[webhook]]\nname = "{name}"\n{url}fleets = {json.dumps(fleets)}\n'


def _resident_mb(pid: int) -> int:
    try:
        return resident_mb(pid)
    except psutil.NoSuchProcess:
        return 0


def _verdict(output: bytes) -> str:
    """Return what of verify's report is not as it must be, or its last words."""
    last = (output.decode("utf-8", "replace").strip().splitlines() or ["nothing said"])[-1]
    try:
        told = json.loads(last)
        kept = {name: value for name, value in told.items() if name.endswith(_WRONG_IN_VERIFY) and value}
    except (ValueError, AttributeError):
        return last[-300:]
    return json.dumps(kept | {"differences": told.get("differences", [])[:1]})
