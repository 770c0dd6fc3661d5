"""The resident program: one Spark session, a run every so often, until SIGTERM; status over HTTP."""

from __future__ import annotations

import asyncio
import logging
import re
import signal
import threading
from contextlib import ExitStack, suppress
from importlib.metadata import version as version_of
from typing import TYPE_CHECKING, Final

from py4j.protocol import Py4JError  # type: ignore[import-untyped]
from pyspark.errors import PySparkException

from cold_path.folders import made
from cold_path.lake.table import Lake
from cold_path.lake.writer import sole_writer
from cold_path.operation.batch_run import BatchRun
from cold_path.operation.progress import Progress
from cold_path.operation.stages import Stages, Stopped
from cold_path.operation.summary import Pins, Summary
from cold_path.source import broker
from cold_path.spark.session import spark_session
from cold_path.versions.publication import sole_publisher
from contracts.errors import MalformedRecord, Unavailable
from contracts.views import current_version
from observability.metrics import BATCH_RUN_FAILURES
from observability.status import serve_status
from observability.terminal import Console
from roads import load_network
from roads.denver import default_folder
from rules import default_rules_file, load_rules

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyspark.sql import SparkSession

    from cold_path.settings import Run

_log = logging.getLogger("cold_path")
_UNREADABLE: Final = re.compile(r"(?:reading|read) file:? ?(?:file:)?(/?\S+\.parquet)")
"""How Spark names a file that it cannot read (FAILED_READ_FILE)."""
_BETWEEN_CANCELS_S = 0.2
_BETWEEN_FIRST_LOOKS_S = 2.0
"""Before the first version there is nothing to serve, so the first readings are worth a run at once."""
_QUIET = {
    "py4j": logging.WARNING,
    "aiokafka": logging.WARNING,
    # Calls it an error that the coordinator of a new group is being found.
    "aiokafka.consumer.group_coordinator": logging.CRITICAL,
}


class _Resident:
    """What the threads of this process share: whether to stop, and whether it is ready."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.is_ready = False
        self.spark: SparkSession | None = None

    def forget_spark(self) -> None:
        """Let the watch end before the session does."""
        self.spark = None

    def watch(self) -> None:
        """Once asked to stop, end the jobs of Spark that the main thread waits for, and those that follow them."""
        self.stop.wait()
        with suppress(Py4JError, OSError):  # the session ended meanwhile, which is what was wanted
            while self.spark is not None:
                self.spark.sparkContext.cancelAllJobs()
                threading.Event().wait(_BETWEEN_CANCELS_S)


def reside(asked: Run, *, now_s: Callable[[], float]) -> int:
    """Run once or again and again; give the exit code."""
    resident = _Resident()
    for name, level in _QUIET.items():
        logging.getLogger(name).setLevel(level)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: resident.stop.set())
    with ExitStack() as stack:
        rules = asked.rules or default_rules_file()
        network = load_network(asked.roads or default_folder()) if asked.match else None
        pins = Pins(rules.read_text(encoding="utf-8"), load_rules(rules).hash, version_of("connected-cars"), network)
        stack.enter_context(sole_publisher(asked.views))
        stack.enter_context(sole_writer(asked.lake))
        made(asked.spark_log.parent, flag="--spark-log")
        if asked.status_port >= 0:
            status = serve_status(asked.status_port, is_ready=lambda: resident.is_ready)
            stack.callback(status.shutdown)
            _log.info("status served", extra={"port": status.server_port})
        resident.is_ready = current_version(asked.views) is not None
        _ask_broker(asked)
        spark = stack.enter_context(
            spark_session(
                master=asked.master,
                driver_memory=asked.driver_memory,
                java_options=asked.java_options,
                jars=asked.jars,
                log=asked.spark_log,
            )
        )
        resident.spark = spark
        stack.callback(resident.forget_spark)
        threading.Thread(target=resident.watch, name="stop", daemon=True).start()
        progress = Progress(spark.sparkContext, Console(stderr=True))
        stages = Stages(progress, now_s=now_s, is_stopping=resident.stop.is_set)
        batch = BatchRun(spark, Lake(asked.lake), asked, pins, stages)
        _log.info("session started")
        _loop(batch, asked, resident, now_s)
    _log.info("stopped")
    return 0


def _ask_broker(asked: Run) -> None:
    """Ask for both topics before Spark takes seconds to start. Raises Unavailable, InvalidInput."""
    for topic in (asked.readings_topic, asked.vehicles_topic):
        asyncio.run(broker.bounds(asked.bootstrap, topic, wait_s=asked.wait))


def _loop(batch: BatchRun, asked: Run, resident: _Resident, now_s: Callable[[], float]) -> None:
    while not resident.stop.is_set():
        began = now_s()
        try:
            _tell(batch.once(), now_s() - began)
        except Stopped:
            return
        except (Unavailable, Py4JError, PySparkException, OSError) as error:
            if resident.stop.is_set():
                return
            BATCH_RUN_FAILURES.inc()
            problem = named(error)
            if asked.once or not resident.is_ready or not isinstance(problem, Unavailable):
                raise problem from error
            _log.warning("run failed, to be repeated", extra={"problem": str(problem)})
        resident.is_ready = True
        if asked.once:
            return
        is_served = current_version(asked.views) is not None
        due_s = asked.every if is_served else min(asked.every, _BETWEEN_FIRST_LOOKS_S)
        resident.stop.wait(max(0.0, due_s - (now_s() - began)))


def named(error: Exception) -> Exception:
    """Give what a person can act on, where the failure of Spark or of a file is such a thing; else the error itself."""
    told = str(error)
    if "No space left on device" in told:
        return Unavailable("no space left for the lake or the views: free some; what was published stays in service")
    if found := _UNREADABLE.search(told):
        message = f"{found[1]} cannot be read; restore it from a copy, or fill a new --lake: what was published stays"
        return MalformedRecord(message)
    return error


def _tell(summary: Summary, seconds: float) -> None:
    if summary.version is None and summary.ingested == 0:
        _log.debug("nothing new")
        return
    _log.info("run ended", extra=summary.fields() | {"seconds": round(seconds, 1)})
