"""Three brokers, one of them killed under load; `make chaos` runs it."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from eventually import eventually
from hot_path_drives import drives
from hot_path_stage import Stage

from stack.broker import SMALL_HEAP_MB, BrokerFiles
from stack.cluster import Cluster

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(900)]


@pytest.fixture
def cluster(broker_files: BrokerFiles, tmp_path: Path) -> Iterator[Cluster]:
    started = Cluster(broker_files, data=tmp_path / "kafka", brokers=3, heap_mb=SMALL_HEAP_MB, log=tmp_path / "logs")
    started.start()
    try:
        started.wait_ready()
        yield started
    finally:
        started.stop()


@pytest.fixture
def stage(cluster: Cluster, tmp_path: Path) -> Iterator[Stage]:
    built = Stage(cluster.bootstrap, tmp_path)
    yield built
    built.close()


@pytest.mark.parametrize("seed", range(3))
def test_a_broker_killed_under_load_loses_no_acknowledged_reading_and_no_alert(
    cluster: Cluster, stage: Stage, seed: int
) -> None:
    worker = stage.start("--flush-shortest", "0.3").wait_ready()
    readings = list(drives(100, 250, seed=seed))
    sender = threading.Thread(target=lambda: stage.send(readings, rate=1_500))
    sender.start()
    worker.wait_processed(1_000)
    time.sleep(random.Random(seed).uniform(0, 2))
    cluster.brokers[seed % 3].kill()
    before, killed_s = worker.figure("readings_processed_total"), time.monotonic()
    eventually(lambda: worker.figure("readings_processed_total") > before + 1_000, within_s=30)
    assert time.monotonic() - killed_s < 15, "the pause, with time to read 1,000 more"
    sender.join()  # raises nothing only when every reading was acknowledged
    cluster.restart(seed % 3 + 1)
    stage.wait_committed(120)
    worker.stop()
    assert len(stage.records(stage.readings)) >= len(readings)
    stage.assert_nothing_lost()
