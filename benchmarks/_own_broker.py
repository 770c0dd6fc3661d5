"""A broker for one benchmark, with the project's topics; or the one that `--bootstrap` names."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stack.broker import Broker, BrokerFiles
from stack.environment import machine_environment
from stack.topics import ensure_topics


@contextmanager
def own_broker(bootstrap: str | None) -> Iterator[str]:
    """Give the address; a broker that was started here ends with the block."""
    if bootstrap is not None:
        yield bootstrap
        return
    with tempfile.TemporaryDirectory() as folder:
        files = BrokerFiles.found(machine_environment())
        started = Broker.start(files, data=Path(folder) / "kafka", log=Path(folder) / "broker.log")
        try:
            started.wait_ready()
            asyncio.run(ensure_topics(started.bootstrap))
            yield started.bootstrap
        finally:
            started.stop()
