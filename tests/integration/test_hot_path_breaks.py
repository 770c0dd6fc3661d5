from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from breaking_worker import STEPS
from eventually import eventually
from hot_path_drives import drives
from hot_path_stage import Stage

from stack.broker import Broker

OFTEN = ("--flush-shortest", "0.2", "--flush-longest", "0.2", "--chunk-readings", "50")


@pytest.fixture
def stage(broker: Broker, tmp_path: Path) -> Iterator[Stage]:
    built = Stage(broker.bootstrap, tmp_path)
    yield built
    built.close()


def test_a_crash_at_every_step_of_the_order_of_effects_is_harmless(stage: Stage) -> None:
    sender = threading.Thread(target=lambda: stage.send(drives(60, 300), rate=1_200))
    sender.start()
    for times, step in enumerate(STEPS, start=3):
        broken = stage.start(*OFTEN, breaking=(step, times))
        assert broken.process.wait(40) == -9, broken.log.read_text()
    last = stage.start(*OFTEN)
    sender.join()
    stage.wait_committed()
    last.stop()
    stage.assert_nothing_lost()
    stage.assert_every_mark_holds(with_none_ahead=True)


def test_a_worker_that_stands_still_says_so_and_ends_for_its_supervisor_to_start_it_again(stage: Stage) -> None:
    stuck = stage.start(*OFTEN, "--standstill", "3", breaking=("stuck", 1))
    stage.send(drives(10, 30))
    assert stuck.process.wait(40) == 1
    assert "worker stands still, restarting" in stuck.log.read_text()
    last = stage.start()
    stage.wait_committed()
    last.stop()
    stage.assert_nothing_lost()


def test_a_worker_with_nothing_to_read_never_stands_still(stage: Stage) -> None:
    idle = stage.start(*OFTEN, "--standstill", "1").wait_ready()
    stage.send(drives(10, 3))
    stage.wait_committed()
    eventually(lambda: idle.figure("standstill_seconds") == 0)
    idle.stop()


def test_a_worker_whose_broker_went_away_ends_when_asked_to(fresh_broker: Broker, tmp_path: Path) -> None:
    stage = Stage(fresh_broker.bootstrap, tmp_path)
    try:
        worker = stage.start(*OFTEN).wait_ready()
        fresh_broker.process.kill()
        fresh_broker.process.wait()
        time.sleep(3)  # into the retries of its clients
        worker.process.terminate()
        assert worker.process.wait(40) == 0, worker.log.read_text()
    finally:
        stage.close()
