"""Long random kills of hot-path workers; `make chaos` runs them."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hot_path_drives import drives
from hot_path_stage import Stage
from hot_path_worker import Worker

from stack.broker import Broker

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(900)]
FLAGS = ("--flush-shortest", "0.3", "--chunk-readings", "100")


@pytest.fixture
def stage(broker: Broker, tmp_path: Path) -> Iterator[Stage]:
    built = Stage(broker.bootstrap, tmp_path)
    yield built
    built.close()


def _sending(stage: Stage, *, seconds: int, seed: int) -> threading.Thread:
    sender = threading.Thread(target=lambda: stage.send(drives(100, seconds, seed=seed), rate=1_500))
    sender.start()
    return sender


def _finish(stage: Stage, sender: threading.Thread, *workers: Worker) -> None:
    sender.join()
    stage.wait_committed(180)
    for worker in workers:
        worker.wait_ready().stop()
    stage.assert_nothing_lost()


@pytest.mark.parametrize("seed", range(10))
def test_kills_at_random_moments_even_while_restoring_lose_nothing(stage: Stage, seed: int) -> None:
    generator = random.Random(seed)
    sender = _sending(stage, seconds=400, seed=seed)
    for _ in range(4):
        worker = stage.start(*FLAGS)
        time.sleep(generator.uniform(1, 8))
        worker.kill()
    _finish(stage, sender, stage.start(*FLAGS))


@pytest.mark.parametrize("seed", range(5))
def test_of_two_workers_either_may_be_killed_or_stopped_and_nothing_is_lost(stage: Stage, seed: int) -> None:
    generator = random.Random(seed)
    workers = [stage.start(*FLAGS), stage.start(*FLAGS)]
    sender = _sending(stage, seconds=500, seed=seed)
    for _ in range(3):
        time.sleep(generator.uniform(2, 8))
        victim = workers.pop(generator.randrange(2))
        if generator.random() < 0.5:
            victim.kill()
        else:
            victim.process.terminate()
        workers.append(stage.start(*FLAGS))
    _finish(stage, sender, *workers)


@pytest.mark.parametrize("seed", range(3))
def test_a_worker_that_slept_through_its_session_writes_nothing_wrong_when_it_wakes(stage: Stage, seed: int) -> None:
    sleeper, other = stage.start(*FLAGS), stage.start(*FLAGS)
    sender = _sending(stage, seconds=400, seed=seed)
    sleeper.wait_processed(500)
    sleeper.process.send_signal(signal.SIGSTOP)
    time.sleep(15)
    sleeper.process.send_signal(signal.SIGCONT)
    sender.join()
    stage.wait_committed(180)
    sleeper.kill()
    other.stop()
    stage.assert_nothing_lost()
