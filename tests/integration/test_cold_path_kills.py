from __future__ import annotations

import urllib.error
import urllib.request
from pathlib import Path

from alive import is_alive
from cold_path_stage import CAR, Program, Stage, a_reading

from contracts.views import current_version, read_manifest
from stack.broker import Broker


def test_killed_in_ingest_and_before_publication_every_record_is_in_the_lake_once(
    broker: Broker, tmp_path: Path
) -> None:
    stage = Stage(broker.bootstrap, tmp_path).set_up()
    cars = [f"{CAR[:-2]}{number:02}" for number in range(20)]
    for car in cars:
        stage.send(*(a_reading(number, car=car) for number in range(500)), key=car)

    in_ingest = Program(stage, "--once")
    in_ingest.wait_for("stage began", stage="ingest")
    in_ingest.kill()

    before_publication = Program(stage, "--once")
    before_publication.wait_for("stage ended", stage="ingest")
    before_publication.kill()
    assert current_version(tmp_path / "views") is None

    resident = Program(stage, "--every", "1h")
    port = resident.wait_for("status served")["port"]
    assert status(port) == 503
    done = resident.wait_for("run ended")
    assert (done["version"], status(port)) == (1, 200)
    jvms = resident.jvms()
    assert resident.terminate() == 0
    assert not [jvm for jvm in jvms if is_alive(jvm)]

    offsets = [(row["partition"], row["offset"]) for row in stage.lake_rows()]
    assert offsets == stage.in_kafka()
    assert len(offsets) == 10_000
    assert read_manifest(tmp_path / "views", 1).row_counts["trips"] == 20


def status(port: int) -> int:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
