"""A real Kafka broker as one JVM process: broker and controller in one (KRaft), for one machine."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from contracts.errors import Unavailable
from contracts.topics import LARGEST_RECORD_BYTES
from stack.environment import cache_folder
from stack.jars import fetch_jars
from stack.java import find_java
from stack.ports import LOOPBACK, answers, free_ports
from stack.processes import die_with_parent

USUAL_PORT: Final = 9092
SMALL_HEAP_MB: Final = 256
USUAL_HEAP_MB: Final = 512
_CLUSTER_ID: Final = "Y29ubmVjdGVkLWNhcnMtMQ"
_LOGGING = Path(__file__).with_name("log4j2.properties")
_START_S = 60.0
_STOP_S = 20.0


@dataclass(frozen=True, slots=True)
class BrokerFiles:
    """What it takes to run a broker: a Java, and the jars."""

    java: Path
    jars: Path

    @classmethod
    def found(cls, environment: Mapping[str, str]) -> BrokerFiles:
        """Find Java, and fetch the jars when this user never had them (about 44 MB)."""
        cache = cache_folder(environment)
        java = find_java(environment, shims=cache)
        return cls(java, fetch_jars("kafka", java=java, cache=cache))


def server_properties(*, data: Path, port: int, controller_ports: Sequence[int], node: int = 1) -> str:
    """Give the settings of the broker `node` (1, 2, …) of as many as there are controller ports.

    It keeps everything under `data`. The voters are given statically, so that kept data opens again on another port.
    """
    replicas = len(controller_ports)
    controller_port = controller_ports[node - 1]
    voters = (f"{number}@{LOOPBACK}:{voter}" for number, voter in enumerate(controller_ports, start=1))
    settings: dict[str, object] = {
        "process.roles": "broker,controller",
        "node.id": node,
        "controller.quorum.voters": ",".join(voters),
        "listeners": f"PLAINTEXT://{LOOPBACK}:{port},CONTROLLER://{LOOPBACK}:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://{LOOPBACK}:{port}",
        "controller.listener.names": "CONTROLLER",
        "log.dirs": data / "log",
        "auto.create.topics.enable": "false",
        "message.max.bytes": LARGEST_RECORD_BYTES,
        "num.partitions": 1,
        "offsets.topic.replication.factor": replicas,
        "offsets.topic.num.partitions": 4,
        "transaction.state.log.replication.factor": replicas,
        "transaction.state.log.min.isr": min(2, replicas),
        "transaction.state.log.num.partitions": 4,
        # One open transaction holds its partitions up for everybody who reads committed.
        "transaction.max.timeout.ms": 10_000,
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": 1_000,
        "share.coordinator.state.topic.replication.factor": replicas,
        "share.coordinator.state.topic.min.isr": min(2, replicas),
        "group.initial.rebalance.delay.ms": 0,
        "group.min.session.timeout.ms": 1000,
        "log.cleaner.dedupe.buffer.size": 16 * 1024 * 1024,
        "broker.session.timeout.ms": 3000,
        "broker.heartbeat.interval.ms": 500,
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())


def java_flags(heap_mb: int) -> list[str]:
    """Give the JVM's flags: small heaps with the collector and compiler that cost least, others for short pauses."""
    quick = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
    steady = ["-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20"]
    chosen = quick if heap_mb <= SMALL_HEAP_MB else steady
    return [f"-Xms{min(heap_mb, 128)}m", f"-Xmx{heap_mb}m", *chosen, f"-Dlog4j2.configurationFile={_LOGGING}"]


class Broker:
    """A running broker; `bootstrap` is its address. It ends with the process that started it."""

    def __init__(self, process: subprocess.Popen[bytes], *, port: int, data: Path) -> None:
        """Take over a process that listens, or soon will."""
        self.process = process
        self.port = port
        self.data = data
        self.bootstrap = f"{LOOPBACK}:{port}"

    @classmethod
    def start(
        cls,
        files: BrokerFiles,
        *,
        data: Path,
        port: int | None = None,
        heap_mb: int = USUAL_HEAP_MB,
        log: Path | None = None,
    ) -> Broker:
        """Start one on `port` (None or taken: a free one), without waiting; `log` None writes to this terminal.

        Data kept from before opens again; a new folder is formatted first.
        """
        ports = free_ports(port, None)
        properties = server_properties(data=data.resolve(), port=ports[0], controller_ports=ports[1:])
        return cls.started(files, properties, data=data, port=ports[0], heap_mb=heap_mb, log=log)

    @classmethod
    def started(
        cls, files: BrokerFiles, properties: str, *, data: Path, port: int, heap_mb: int, log: Path | None
    ) -> Broker:
        """Start one with settings as `server_properties` gives them, without waiting."""
        command = prepared_broker(files, properties, data=data, heap_mb=heap_mb)
        output = log.open("ab") if log else None
        process = subprocess.Popen(
            command,
            stdout=output,
            stderr=subprocess.STDOUT if output else None,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - one system call
        )
        return cls(process, port=port, data=data)

    def wait_ready(self, within_s: float = _START_S, *, clock: Callable[[], float] = time.monotonic) -> Broker:
        """Wait until it accepts connections; raises Unavailable, with where to look, when it ends or takes too long."""
        until = clock() + within_s
        while not answers(self.port):
            if self.process.poll() is not None:
                raise Unavailable(f"the broker ended at its start (exit code {self.process.returncode}); see its log")
            if clock() > until:
                self.stop()
                raise Unavailable(f"the broker did not open port {self.port} within {within_s:g} s; see its log")
            time.sleep(0.05)
        return self

    def stop(self) -> None:
        """Stop it cleanly, by force after a while; stopping twice does nothing."""
        if self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def prepared_broker(files: BrokerFiles, properties: str, *, data: Path, heap_mb: int) -> list[str]:
    """Write the settings, format the folder when it is new, and give the command that runs the broker."""
    data.mkdir(parents=True, exist_ok=True)
    file = data / "server.properties"
    file.write_text(properties)
    if not (data / "log" / "meta.properties").exists():
        _format(files, file)
    return [*_java(files, heap_mb), "kafka.Kafka", str(file)]


def _java(files: BrokerFiles, heap_mb: int) -> list[str]:
    return [str(files.java), *java_flags(heap_mb), "-cp", f"{files.jars}/*"]


def _format(files: BrokerFiles, properties: Path) -> None:
    command = [*_java(files, SMALL_HEAP_MB), "kafka.tools.StorageTool", "format", "-t", _CLUSTER_ID]
    command += ["-c", str(properties), "--ignore-formatted"]
    told = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if told.returncode != 0:
        raise Unavailable(f"the broker's data folder cannot be formatted: {(told.stderr + told.stdout).strip()[-500:]}")
