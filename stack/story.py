"""The demo's story: what is started when, what is waited for, what is told at its end."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Final

from aiokafka.errors import KafkaError

from contracts.topics import COLD_PATH_GROUP, VEHICLE_READINGS
from stack import plan
from stack.broker import USUAL_HEAP_MB, prepared_broker, server_properties
from stack.detection import detection
from stack.doors import Doors
from stack.draining import drained
from stack.ensemble import Ensemble
from stack.figures import Figures
from stack.listener import Listener
from stack.plan import Ports
from stack.ports import free_ports
from stack.preparation import Prepared
from stack.program import Program
from stack.report import complaints, report_bytes
from stack.run_folder import RunFolder
from stack.settings import DemoSettings
from stack.showing import Showing
from stack.summary import report_table
from stack.topics import ensure_topics
from stack.verification import Verdicts, verified
from stack.voice import Voice

_BROKER_WAIT_S: Final = 60.0
_ANSWERS_WAIT_S: Final = 180.0
_LOOK_S: Final = 0.2


class Story:
    """From the empty folder to the report, phase by phase; `close` ends what it opened, at any point."""

    def __init__(
        self, settings: DemoSettings, *, folder: RunFolder, voice: Voice, ensemble: Ensemble, prepared: Prepared
    ) -> None:
        """Choose the ports; start nothing."""
        self._settings = settings
        self._folder = folder
        self._voice = voice
        self._ensemble = ensemble
        self._files = prepared.files
        self._environment = prepared.variables
        self._ports = Ports(*free_ports(settings.kafka_port, None, settings.port, None, None, None, None, None))
        self._doors = Doors(self._ports.api_url)
        self._listener = Listener(self._ports.bootstrap)
        self._figures = Figures(doors=self._doors, listener=self._listener, folder=folder)
        self._watchers: list[asyncio.Task[Any]] = []

    async def tell(self) -> int:
        """Tell it; give the exit code: 0 when every figure is there and right, else 1."""
        self._watch(self._figures.peak.watch())
        # First of all, since Spark takes longest to start; it waits for the broker.
        cold_path = plan.cold_path(self._settings, self._folder, self._ports)
        self._ensemble.start(cold_path)
        await self._start_broker()
        is_new = not any((await self._listener.ends(VEHICLE_READINGS)).values())
        programs = [cold_path, *self._start_programs()]
        self._watch(self._figures.watch_answers())
        if is_new:
            await self._write_history()
        self._watch(self._figures.watch_hot_path())
        self._voice.phase(f"{self._settings.vehicles} cars take to the road")
        fleet = plan.simulator(self._settings, self._folder, self._ports)
        self._ensemble.start(fleet)
        await self._all_healthy([*programs, fleet])
        await self._both_answers()
        flowing = asyncio.create_task(self._verified_while_flowing())
        self._watchers.append(flowing)
        await Showing(self._voice, doors=self._doors, listener=self._listener, figures=self._figures).until(
            self._settings.span
        )
        verdict = await flowing
        undone = await self._drain()
        return await self._report(Verdicts(verdict, await self._verified()), undone)

    async def close(self) -> None:
        """End what watches, and close the connections."""
        for watcher in self._watchers:
            watcher.cancel()
        await asyncio.gather(*self._watchers, return_exceptions=True)
        await self._listener.stop()
        await self._doors.close()

    async def _start_broker(self) -> None:
        ports, usual = self._ports, self._settings
        for wanted, taken, name in ((usual.kafka_port, ports.kafka, "Kafka"), (usual.port, ports.api, "the API")):
            if wanted != taken:
                self._voice.phase(f"port {wanted} is taken; {name} uses {taken}")
        self._voice.phase(f"starting Spark, and a Kafka broker at {ports.bootstrap}")
        data = self._folder.kafka
        properties = server_properties(data=data.resolve(), port=ports.kafka, controller_ports=[ports.controller])
        command = await asyncio.to_thread(prepared_broker, self._files, properties, data=data, heap_mb=USUAL_HEAP_MB)
        self._ensemble.start(Program("kafka", tuple(command), grace_s=20.0))
        await ensure_topics(ports.bootstrap, wait_s=_BROKER_WAIT_S)
        await self._listener.start()

    def _start_programs(self) -> list[Program]:
        folder, ports = self._folder, self._ports
        self._voice.phase(f"starting hot path, projector and API; dashboard and API will be at {ports.api_url}")
        programs = [
            plan.hot_path(ports),
            plan.projector(folder, ports),
            plan.api(folder, ports),
        ]
        for program in programs:
            self._ensemble.start(program)
        return programs

    async def _write_history(self) -> None:
        settings = self._settings
        self._voice.phase(f"writing the last {settings.history_days:g} days of {settings.history_vehicles} cars")
        self._ensemble.start(plan.history(settings, self._folder, self._ports))
        await self._ensemble.finished("history")

    async def _all_healthy(self, programs: list[Program]) -> None:
        waiting = {program.name: program.ready for program in programs if program.ready}
        while waiting:
            for name, address in list(waiting.items()):
                if await self._doors.is_ready(address):
                    del waiting[name]
                    others = f"; waiting for {', '.join(waiting)}" if waiting else ""
                    self._voice.phase(f"{name} is ready after {self._figures.seconds():.0f} s{others}")
            await asyncio.sleep(0.2)
        self._voice.phase(f"all programs are healthy; dashboard and API: {self._ports.api_url}")

    async def _both_answers(self) -> None:
        """Wait for a first alert and a first ranking with batch views in it: a program is ready before it has those."""
        self._voice.phase("waiting for the first alert and the first batch views")
        try:
            await asyncio.wait_for(self._figures.answered.wait(), _ANSWERS_WAIT_S)
        except TimeoutError:
            self._voice.phase(f"not both answers within {_ANSWERS_WAIT_S:g} s; going on")
        else:
            self._voice.phase(f"both answers are there after {self._figures.seconds():.0f} s")

    async def _verified_while_flowing(self) -> bool | None:
        """Compare from the middle of the span on, when there is something that the batch does not cover."""
        if self._settings.span is None:
            return None
        await asyncio.sleep(self._settings.span / 2)
        await self._batch_behind()
        self._voice.phase("comparing while readings arrive and the batch is behind them")
        return await self._verified()

    async def _batch_behind(self) -> None:
        while True:
            with suppress(KafkaError):
                if await self._listener.lag(COLD_PATH_GROUP):
                    return
            await asyncio.sleep(_LOOK_S)

    async def _drain(self) -> list[str]:
        self._voice.phase("the span is over; the fleet stops")
        await self._ensemble.stop("simulator")
        return await drained(self._listener, self._doors, say=self._voice.phase)

    async def _verified(self) -> bool | None:
        self._voice.phase("comparing the merged answers with a fold over the raw records")
        return await verified(plan.verify(self._folder, self._ports), self._environment, say=self._voice.program)

    async def _report(self, verdicts: Verdicts, undone: list[str]) -> int:
        self._voice.phase("holding the alerts against the truth about the faults")
        found = await detection(plan.score(self._folder, self._ports), self._environment, say=self._voice.program)
        report = await self._figures.report(verdicts.equal, found, restarts=self._ensemble.restarts)
        wrong = [*complaints(report), *verdicts.complaints(), *undone]
        self._voice.console.print(report_table(report, wrong))
        if self._settings.report is not None:
            await asyncio.to_thread(self._settings.report.write_bytes, report_bytes(report))
        return 1 if wrong else 0

    def _watch(self, watching: Coroutine[Any, Any, None]) -> None:
        self._watchers.append(asyncio.create_task(watching))
