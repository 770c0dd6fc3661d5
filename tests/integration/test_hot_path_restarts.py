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

from contracts.topics import READING_PARTITIONS
from hot_path.settings import HotPathSettings
from stack.broker import Broker


@pytest.fixture
def stage(broker: Broker, tmp_path: Path) -> Iterator[Stage]:
    built = Stage(broker.bootstrap, tmp_path)
    yield built
    built.close()


def test_three_kills_in_the_middle_of_the_stream_lose_nothing(stage: Stage) -> None:
    sender = threading.Thread(target=lambda: stage.send(drives(60, 300), rate=1_200))
    sender.start()
    generator = random.Random(3)
    for _ in range(3):
        worker = stage.start("--flush-shortest", "0.3", "--chunk-readings", "100")
        worker.wait_processed(500)
        time.sleep(generator.random())
        worker.kill()
    last = stage.start("--flush-shortest", "0.3")
    sender.join()
    stage.wait_committed()
    last.stop()
    stage.assert_nothing_lost()
    stage.assert_every_mark_holds(with_none_ahead=True)


def test_a_stop_in_the_middle_of_a_backlog_is_quick_and_loses_nothing(stage: Stage) -> None:
    stage.send(drives(60, 400))
    worker = stage.start("--chunk-readings", "10")
    worker.wait_processed(500)
    assert worker.stop() < 5
    assert stage.lag() > 0
    last = stage.start()
    stage.wait_committed()
    last.stop()
    stage.assert_nothing_lost()


def test_workers_that_join_and_leave_share_the_partitions_and_lose_nothing(stage: Stage) -> None:
    first = stage.start("--flush-shortest", "0.3", "--chunk-readings", "100").wait_ready()
    sender = threading.Thread(target=lambda: stage.send(drives(60, 400), rate=1_000))
    sender.start()
    second = stage.start("--flush-shortest", "0.3", "--chunk-readings", "100")
    second.wait_processed(500)
    # Not a single look: the first worker may not yet have told what it gave away.
    eventually(lambda: (first.figure("partitions_owned"), second.figure("partitions_owned")) == (6, 6), within_s=20)
    first.stop()
    sender.join()
    stage.wait_committed()
    second.stop()
    stage.assert_nothing_lost()


def test_a_killed_workers_partitions_are_taken_over_within_10_s(stage: Stage) -> None:
    usual = str(HotPathSettings().session_timeout)
    killed = stage.start("--session-timeout", usual).wait_ready()
    stage.send(drives(60, 100))
    other = stage.start("--session-timeout", usual).wait_ready()
    stage.wait_committed()
    killed.kill()
    since_s = time.monotonic()
    stage.send(drives(60, 120))
    eventually(lambda: other.figure("partitions_owned") == READING_PARTITIONS, within_s=30)
    stage.wait_committed()
    assert time.monotonic() - since_s < 10
    other.stop()
    stage.assert_nothing_lost()
