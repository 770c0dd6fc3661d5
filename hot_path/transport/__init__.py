"""Faust with a batching transport: one Faust message per fetched chunk of records instead of one per record.

Stock Faust makes 2 to 4 asyncio tasks of every message; here it is handed few. What must hold is in `consumer`.
"""

from __future__ import annotations

from hot_path.transport.consumer import ChunkConsumer
from hot_path.transport.driver import ChunkTransport, install
from hot_path.transport.private_names import check_private_names
from runtime.kafka.chunk import Chunk, RecordBatch

check_private_names()

__all__ = ["Chunk", "ChunkConsumer", "ChunkTransport", "RecordBatch", "install"]
