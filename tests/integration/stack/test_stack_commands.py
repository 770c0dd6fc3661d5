from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from eventually import eventually

from contracts.topics import TOPICS
from stack.ports import free_port

STACK = (sys.executable, "-m", "stack")


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*STACK, *words], capture_output=True, text=True, timeout=60, check=False)


def test_broker_and_topics_work_from_the_command_line_and_the_broker_ends_on_sigterm(tmp_path: Path) -> None:
    port, output = free_port(), tmp_path / "output.txt"
    with output.open("wb") as told:
        command = [*STACK, "broker", "--port", str(port), "--data", str(tmp_path / "kafka"), "--heap-mb", "256"]
        broker = subprocess.Popen(command, stdout=told, stderr=told, stdin=subprocess.DEVNULL)
    try:
        eventually(lambda: f"Kafka listens at 127.0.0.1:{port}" in output.read_text(), within_s=60)
        created = run("topics", "--bootstrap", f"127.0.0.1:{port}")
        assert created.returncode == 0, created.stderr
        assert all(topic.name in created.stdout for topic in TOPICS)
        broker.send_signal(signal.SIGTERM)
        assert broker.wait(30) == 0
    finally:
        broker.kill()


def test_no_broker_ends_with_3_and_one_line() -> None:
    ended = run("topics", "--bootstrap", f"127.0.0.1:{free_port()}", "--wait", "0.2")
    assert ended.returncode == 3
    assert [line for line in ended.stderr.splitlines() if not line.startswith("{")] == ended.stderr.splitlines()
    assert len(ended.stderr.splitlines()) == 1


def test_a_flag_that_is_wrong_ends_with_2_and_names_it() -> None:
    ended = run("demo", "--for", "soon")
    assert ended.returncode == 2
    assert "for" in ended.stderr
    assert "soon" in ended.stderr


def test_no_command_ends_with_2_and_names_them() -> None:
    ended = run()
    assert ended.returncode == 2
    assert "broker, topics, jars" in ended.stderr
