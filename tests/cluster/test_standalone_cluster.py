"""The cold path on a Spark standalone cluster: a master and two workers as processes of this machine."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pyarrow.dataset as pads
import pyspark
import pytest
from cold_path_stage import CAR, Program, Stage, a_reading
from eventually import eventually

from contracts.vehicle import Vehicle
from contracts.views import VIEW_COLUMNS, version_folder
from stack.broker import Broker
from stack.ports import free_ports

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]
WORKERS = 2


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the master's address; both workers have joined."""
    folder = tmp_path_factory.mktemp("cluster")
    port, *more = free_ports(*[None] * (2 + 2 * WORKERS))
    address = f"spark://127.0.0.1:{port}"
    with ExitStack() as stack:
        serve = ["--host", "127.0.0.1", "--port", str(port), "--webui-port", str(more.pop())]
        started(stack, folder / "master.log", "org.apache.spark.deploy.master.Master", *serve)
        for number in range(WORKERS):
            room = ["--cores", "1", "--memory", "1g", "--work-dir", str(folder / f"worker{number}")]
            ports = ["--port", str(more.pop()), "--webui-port", str(more.pop())]
            log = folder / f"worker{number}.log"
            started(stack, log, "org.apache.spark.deploy.worker.Worker", *room, "--host", "127.0.0.1", *ports, address)
            eventually(lambda log=log: "Successfully registered with master" in log.read_text(), within_s=60)  # type: ignore[misc]
        yield address


def started(stack: ExitStack, log: Path, program: str, *flags: str) -> None:
    jars = Path(pyspark.__file__).parent / "jars"
    home = os.environ.get("JAVA_HOME")  # noqa: TID251 - as set for all tests
    java = str(Path(home) / "bin" / "java") if home else "java"
    command = [java, "-Xmx256m", "-cp", f"{jars}/*", program, *flags]
    # A worker builds its executors' command from here.
    environment = dict(os.environ) | {"SPARK_HOME": str(jars.parent), "SPARK_SCALA_VERSION": "2.13"}  # noqa: TID251
    with log.open("wb") as told:
        process = subprocess.Popen(command, stdout=told, stderr=told, env=environment)

    def stop() -> None:
        process.terminate()
        process.wait(20)

    stack.callback(stop)


def rows(stage: Stage) -> dict[str, list[str]]:
    folder = version_folder(stage.folder / "views", 1)
    found = {}
    for view, columns in VIEW_COLUMNS.items():
        if any((folder / view).rglob("*.parquet")):
            table = pads.dataset(folder / view, format="parquet").to_table(columns=list(columns))
            found[view] = sorted(map(str, table.to_pylist()))
    return found


def test_two_workers_publish_what_one_process_does(broker: Broker, tmp_path: Path, cluster: str) -> None:
    stage = Stage(broker.bootstrap, tmp_path / "cluster").set_up()
    alone = Stage(broker.bootstrap, tmp_path / "alone", name=stage.name)
    for folder in (stage.folder, alone.folder):
        folder.mkdir()
    for number in range(12):
        car = f"{CAR[:-2]}{number:02}"
        stage.register(Vehicle(car, "Honda", "Accord", 2003, "north", 2.0, 1_500.0, 100.0, 2.0, 0.4))
        readings = [a_reading(second, car=car, coolant_c=118.0, battery_v=14.0) for second in range(200)]
        stage.send(*readings, b"{broken", key=car)
    for of, master in ((stage, cluster), (alone, "local[2]")):
        Program(of, "--once", "--master", master).wait_for("run ended", within_s=240)
    assert stage.lake_rows() == alone.lake_rows()
    assert [(row["partition"], row["offset"]) for row in stage.lake_rows()] == stage.in_kafka()
    assert rows(stage) == rows(alone)
    assert len(rows(stage)["trips"]) == 12
    assert len(rows(stage)["alert_history"]) > 0
