"""The Spark session: one JVM in its own process group, with the jars of Kafka and Delta, quiet and in UTC."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pyspark import SparkConf, SparkContext
from pyspark.errors import PySparkRuntimeError
from pyspark.java_gateway import launch_gateway
from pyspark.sql import SparkSession

from cold_path.spark.java import LIGHT_COMPILATION, java_home
from contracts.errors import InvalidInput, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

_NEEDED_JARS: Final = ("delta-spark", "delta-storage")
_STOP_LIMIT_S: Final = 10
_QUIET_LOG: Final = f"-Dlog4j2.configurationFile=file:{Path(__file__).with_name('log4j2.properties')}"
_BATCH_BYTES: Final = 16 * 1024 * 1024
_SETTINGS: Final = {
    "spark.app.name": "connected-cars cold path",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.adaptive.enabled": "true",
    "spark.sql.shuffle.partitions": "8",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "10000",
    # Ten thousand records of 2 MiB each would be one batch otherwise.
    "spark.sql.execution.arrow.maxBytesPerBatch": str(_BATCH_BYTES),
    # A task writes a few days at once; without this it would sort all of its readings by day first.
    "spark.sql.maxConcurrentOutputFileWriters": "64",
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    # Delta's own bookkeeping in 50 tasks costs more than the bookkeeping.
    "spark.databricks.delta.snapshotPartitions": "2",
}


def default_jars(environment: dict[str, str]) -> Path:
    """Give the folder in the user's cache in which `make setup` puts Spark's jars."""
    cache = environment.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(cache) / "connected-cars" / "spark-jars"


def found_jars(folder: Path) -> list[Path]:
    """Give the jars in a folder. Raises InvalidInput, which names one that is missing."""
    jars = sorted(folder.glob("*.jar"))
    for needed in _NEEDED_JARS:
        if not any(jar.name.startswith(needed) for jar in jars):
            message = f"{folder} has no jar {needed}*.jar; run `make setup`, or give the folder with --jars"
            raise InvalidInput(message)
    return jars


@contextmanager
def spark_session(
    *,
    master: str = "local[2]",
    driver_memory: str = "2g",
    java_options: str = LIGHT_COMPILATION,
    jars: Path | None = None,
    log: Path | None = None,
) -> Iterator[SparkSession]:
    """Start Spark, and leave no JVM behind, however the block ends; a killed driver's JVM ends by its closed pipe.

    Raises InvalidInput when jars are missing, Unavailable when no Java is there or the JVM does not start.
    """
    classpath = found_jars(jars or default_jars(dict(os.environ)))  # noqa: TID251 - where the user's cache is
    with tempfile.TemporaryDirectory(prefix="cold-path-", ignore_cleanup_errors=True) as scratch:
        configuration = _configuration(master, driver_memory, classpath, Path(scratch))
        configuration.set("spark.driver.extraJavaOptions", f"{_QUIET_LOG} {java_options}")
        # Spark takes both from the environment only; a worker needs this interpreter, not the first on PATH.
        os.environ["JAVA_HOME"] = str(java_home(os.environ, shims=Path(scratch)))  # noqa: TID251
        os.environ["PYSPARK_PYTHON"] = sys.executable  # noqa: TID251
        gateway = _gateway(configuration, log)
        try:
            context = SparkContext(conf=configuration, gateway=gateway)
            yield SparkSession(context)
        finally:
            _stop(gateway)


def _configuration(master: str, driver_memory: str, jars: list[Path], scratch: Path) -> SparkConf:
    settings = _SETTINGS | {
        "spark.master": master,
        "spark.driver.memory": driver_memory,
        "spark.local.dir": str(scratch / "spark"),
        "spark.sql.warehouse.dir": str(scratch / "warehouse"),
    }
    if master.startswith("local"):
        # Loaded by the JVM's own class loader: nothing is copied at start.
        settings["spark.driver.extraClassPath"] = os.pathsep.join(map(str, jars))
    else:
        settings["spark.jars"] = ",".join(map(str, jars))
    return SparkConf(loadDefaults=False).setAll(list(settings.items()))


def _gateway(configuration: SparkConf, log: Path | None) -> object:
    """Start the JVM in a process group of its own, so that Ctrl-C reaches this program alone."""
    if log is not None:
        log.parent.mkdir(parents=True, exist_ok=True)
    with open(log or os.devnull, "ab") as told:  # noqa: PTH123 - the null device is no path of ours
        try:
            return launch_gateway(
                configuration, {"start_new_session": True, "stdout": subprocess.DEVNULL, "stderr": told}
            )
        except PySparkRuntimeError as error:
            message = f"Spark's JVM did not start; Java 17 or newer and --driver-memory are needed, see {log}"
            raise Unavailable(message) from error


def _stop(gateway: object) -> None:
    process: subprocess.Popen[bytes] = gateway.proc  # type: ignore[attr-defined]
    if (context := SparkContext._active_spark_context) is not None:  # noqa: SLF001 - there is no public way to it
        with suppress(Exception):  # the JVM may be gone already, which is what is wanted
            context.stop()
    with suppress(Exception):
        gateway.shutdown()  # type: ignore[attr-defined]
    SparkContext._gateway = SparkContext._jvm = None  # noqa: SLF001 - or the next session would ask the ended JVM
    with suppress(OSError):
        process.stdin.close()  # type: ignore[union-attr]
    try:
        process.wait(_STOP_LIMIT_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
