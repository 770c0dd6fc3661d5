"""The transport: Faust's aiokafka driver with the chunk consumer, and how an app is given it."""

from __future__ import annotations

from typing import Any

import faust
from faust.transport.drivers import aiokafka as driver

from hot_path.transport.consumer import ChunkConsumer
from runtime.kafka.chunk_fetch import Chunking, install_chunk_fetch


class ChunkTransport(driver.Transport):  # type: ignore[misc]  # untyped library
    """Faust's aiokafka transport in which some topics come in chunks."""

    Consumer = ChunkConsumer

    def __init__(self, *args: Any, chunking: Chunking, **kwargs: Any) -> None:
        """Take what Faust's transport takes, and which topics come in chunks."""
        self.chunking = chunking
        super().__init__(*args, **kwargs)


def install(app: faust.App, *topics: str, readings: int = 2_000) -> None:
    """Let an app read `topics` in chunks of about `readings` records; before its consumer is made."""
    install_chunk_fetch()
    chunking = Chunking(frozenset(topics), readings=readings)
    app.transport = ChunkTransport(app.conf.broker_consumer, app, chunking=chunking)
