"""Several brokers on one machine: what one of them has acknowledged outlives any of them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

from stack.broker import USUAL_HEAP_MB, Broker, BrokerFiles, server_properties
from stack.ports import free_ports

_LOOK_S: Final = 0.2


class Cluster:
    """Brokers that know each other; topics made on three of them have three replicas, and a write needs two."""

    def __init__(
        self,
        files: BrokerFiles,
        *,
        data: Path,
        brokers: int,
        port: int | None = None,
        heap_mb: int = USUAL_HEAP_MB,
        log: Path | None = None,
    ) -> None:
        """Choose ports, start nothing. The first broker listens on `port` when it is free.

        A lone broker keeps its data in `data`, several in folders of their numbers; `log` is a folder, None writes to
        this terminal.
        """
        ports = free_ports(port, *[None] * (2 * brokers - 1))
        self._files = files
        self._data = data
        self._heap_mb = heap_mb
        self._log = log
        self._ports, self._controller_ports = ports[:brokers], ports[brokers:]
        self.brokers: list[Broker] = []
        self.bootstrap = ",".join(f"127.0.0.1:{each}" for each in self._ports)

    def start(self) -> None:
        """Start all, without waiting; they answer once most of them are there."""
        self.brokers = [self._started(node) for node in range(1, len(self._ports) + 1)]

    def restart(self, node: int) -> None:
        """Start the broker `node` (1, 2, …) again, after it has ended, with its data and on its port."""
        self.brokers[node - 1] = self._started(node)

    def wait_ready(self) -> None:
        """Wait until every broker accepts connections. Raises Unavailable."""
        for broker in self.brokers:
            broker.wait_ready()

    def wait_for_an_end(self) -> int:
        """Wait until any of them ends by itself, and give its exit code; the others do without it."""
        while True:
            for broker in self.brokers:
                if (code := broker.process.poll()) is not None:
                    return code
            time.sleep(_LOOK_S)

    def stop(self) -> None:
        """Stop all of them; each is asked before any is waited for."""
        for broker in self.brokers:
            if broker.process.poll() is None:
                broker.process.terminate()
        for broker in self.brokers:
            broker.stop()

    def _folder(self, node: int) -> Path:
        return self._data if len(self._ports) == 1 else self._data / str(node)

    def _started(self, node: int) -> Broker:
        data, port = self._folder(node), self._ports[node - 1]
        properties = server_properties(
            data=data.resolve(), port=port, controller_ports=self._controller_ports, node=node
        )
        if self._log is not None:
            self._log.mkdir(parents=True, exist_ok=True)
        log = self._log / f"broker-{node}.log" if self._log is not None else None
        return Broker.started(self._files, properties, data=data, port=port, heap_mb=self._heap_mb, log=log)
