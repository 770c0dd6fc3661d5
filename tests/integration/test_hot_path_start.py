from __future__ import annotations

import asyncio
import dataclasses
import itertools
import subprocess
import sys
import time
import uuid
from pathlib import Path

from contracts.topics import ENGINE_ALERTS, REJECTED_READINGS, VEHICLE_READINGS, VEHICLE_STATES, VEHICLES
from rules import default_rules_file, load_rules
from stack.broker import Broker
from stack.ports import free_port
from stack.topics import ensure_topics

FLAGS = ("--readings-topic", "--alerts-topic", "--states-topic", "--rejected-topic", "--vehicles-topic")


def test_without_a_broker_the_worker_ends_after_its_wait_with_one_line_and_code_3() -> None:
    started_s = time.monotonic()
    ended = _run("run", "--bootstrap", f"127.0.0.1:{free_port()}", "--wait", "1", "--status-port", "-1")
    assert (ended.returncode, ended.stdout) == (3, "")
    assert ended.stderr.startswith("hot-path: no broker answers at 127.0.0.1:")
    assert ended.stderr.count("\n") == 1
    assert time.monotonic() - started_s < 15


def test_a_wrong_rule_file_ends_the_check_with_code_2_and_names_the_line(tmp_path: Path) -> None:
    file = tmp_path / "rules.toml"
    file.write_text('[[rule]]\nname = "x"\nfamily = "level"\nseverity = "loud"\n')
    ended = _run("rules", "check", str(file))
    assert ended.returncode == 2
    assert ended.stderr.startswith(f"hot-path: {file}:")
    assert ended.stderr.count("\n") == 1


def test_the_rules_of_a_file_are_printed_with_their_hash() -> None:
    ended = _run("rules", "check", str(default_rules_file()))
    assert ended.returncode == 0
    assert load_rules(default_rules_file()).hash in ended.stdout


def test_a_topic_that_keeps_its_producers_times_ends_the_start_with_the_command_that_mends_it(broker: Broker) -> None:
    mark = uuid.uuid4().hex[:8]
    hot_path = (VEHICLE_READINGS, ENGINE_ALERTS, VEHICLE_STATES, REJECTED_READINGS, VEHICLES)
    topics = [dataclasses.replace(topic, name=f"{topic.name}-{mark}") for topic in hot_path]
    # A topic's own settings come last.
    topics[0] = dataclasses.replace(topics[0], settings={"message.timestamp.type": "CreateTime"})
    asyncio.run(ensure_topics(broker.bootstrap, topics))
    names = itertools.chain.from_iterable(zip(FLAGS, (topic.name for topic in topics), strict=True))
    ended = _run("run", "--bootstrap", broker.bootstrap, "--status-port", "-1", *names)
    assert ended.returncode == 2
    assert f"topic {topics[0].name} has message.timestamp.type CreateTime where LogAppendTime is needed" in ended.stderr
    assert "kafka-configs.sh" in ended.stderr


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hot_path", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
