"""Taking a run's figures: when the answers came, what the topics hold, how much memory it took."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

from aiokafka.errors import KafkaError

from contracts.topics import HOT_PATH_GROUP, VEHICLE_READINGS
from contracts.views import current_version
from stack.detection import Detection
from stack.doors import Doors
from stack.environment import now_ms
from stack.latency import latencies_ms, percentile
from stack.listener import Listener
from stack.memory import Peak
from stack.report import Report
from stack.run_folder import RunFolder

_ASK_EVERY_S: Final = 0.5


class Figures:
    """Counts from when it is made."""

    def __init__(self, *, doors: Doors, listener: Listener, folder: RunFolder) -> None:
        """Start the clock; call inside a running event loop."""
        self.peak = Peak()
        self._doors = doors
        self._listener = listener
        self._folder = folder
        self._began = asyncio.get_running_loop().time()
        self._first_alert_s: float | None = None
        self._first_ranking_s: float | None = None
        self._hot_path_caught_up_ms: int | None = None
        self.answered = asyncio.Event()

    def seconds(self) -> float:
        """Give the seconds since it was made."""
        return asyncio.get_running_loop().time() - self._began

    async def watch_hot_path(self) -> None:
        """Wait until the hot path has read what is on the topic now; latency counts from there."""
        ends = await self._listener.ends(VEHICLE_READINGS)
        while self._hot_path_caught_up_ms is None:
            with suppress(KafkaError):
                committed = await self._listener.committed(HOT_PATH_GROUP)
                if all(committed.get(part, 0) >= end for part, end in ends.items()):
                    self._hot_path_caught_up_ms = now_ms()
            await asyncio.sleep(_ASK_EVERY_S)

    async def watch_answers(self) -> None:
        """Ask the API until it gave both answers once; `answered` is set then."""
        while self._first_alert_s is None or self._first_ranking_s is None:
            if self._first_alert_s is None and await self._attends():
                self._first_alert_s = self.seconds()
            if self._first_ranking_s is None and await self._ranks():
                self._first_ranking_s = self.seconds()
            await asyncio.sleep(_ASK_EVERY_S)
        self.answered.set()

    async def _attends(self) -> bool:
        answer = await self._doors.attention(1)
        return bool(answer and answer["vehicles"])

    async def _ranks(self) -> bool:
        """Tell whether there is a ranking with a batch view in it; live rows alone come sooner."""
        answer = await self._doors.ranking(1)
        return bool(answer and answer["places"] and answer["batch_view_version"])

    def latencies(self) -> list[int]:
        """Give the latencies heard so far, in ms, ascending."""
        after_ms = self._hot_path_caught_up_ms
        if after_ms is None:
            return []
        return latencies_ms(self._listener.heard.alerts, after_ms=after_ms)

    async def report(
        self,
        merged_equals_recompute: bool | None,  # noqa: FBT001 - a figure
        found: Detection | None,
        *,
        restarts: int,
    ) -> Report:
        """Give the figures as they stand now."""
        heard = await self._listener.listen()
        ends = await self._listener.ends(VEHICLE_READINGS)
        committed = await self._listener.committed(HOT_PATH_GROUP)
        ranking = await self._doors.ranking(1)
        latencies = self.latencies()
        return Report(
            readings_produced=sum(ends.values()),
            readings_processed=sum(committed.get(part, 0) for part in ends) - heard.rejected,
            readings_rejected=heard.rejected,
            alerts_raised=heard.count("raised"),
            alerts_cleared=heard.count("cleared"),
            event_to_alert_p50_ms=percentile(latencies, 0.50),
            event_to_alert_p99_ms=percentile(latencies, 0.99),
            seconds_to_first_alert=_rounded(self._first_alert_s),
            seconds_to_first_ranking=_rounded(self._first_ranking_s),
            batch_view_version=current_version(self._folder.views),
            vehicles_ranked=ranking["ranked"] if ranking else None,
            merged_equals_recompute=merged_equals_recompute,
            faults_injected=found.total.injected if found else None,
            faults_detected=found.total.detected if found else None,
            fault_recall=found.total.recall if found else None,
            false_alarms_per_1000_vehicle_hours=found.total.false_per_1000_vehicle_hours if found else None,
            peak_memory_mb=self.peak.mb,
            programs_restarted=restarts,
        )


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)
