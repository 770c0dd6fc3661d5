"""Kafka's id of a topic: one that was deleted and created anew has another, and offsets that mean other records.

aiokafka 0.14 asks for metadata in version 5, which has no ids yet; here is version 12 (Kafka 3.1 and later).
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from aiokafka.errors import IncompatibleBrokerVersion
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)

if TYPE_CHECKING:
    from io import BytesIO

    from aiokafka.admin import AIOKafkaAdminClient

_NO_ID = b"\0" * 16


class _Uuid:
    """Sixteen bytes as they are; aiokafka has no such type."""

    @classmethod
    def encode(cls, value: bytes) -> bytes:
        return value

    @classmethod
    def decode(cls, data: BytesIO) -> bytes:
        return data.read(16)

    @classmethod
    def repr(cls, value: bytes) -> str:
        return repr(value)


class _MetadataResponse(Response):  # type: ignore[misc]  # untyped library
    API_KEY = 3
    API_VERSION = 12
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "brokers",
            CompactArray(
                ("node_id", Int32),
                ("host", CompactString("utf-8")),
                ("port", Int32),
                ("rack", CompactString("utf-8")),
                ("tags", TaggedFields),
            ),
        ),
        ("cluster_id", CompactString("utf-8")),
        ("controller_id", Int32),
        (
            "topics",
            CompactArray(
                ("error_code", Int16),
                ("name", CompactString("utf-8")),
                ("topic_id", _Uuid),
                ("is_internal", Boolean),
                (
                    "partitions",
                    CompactArray(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", CompactArray(Int32)),
                        ("isr", CompactArray(Int32)),
                        ("offline_replicas", CompactArray(Int32)),
                        ("tags", TaggedFields),
                    ),
                ),
                ("authorized_operations", Int32),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class _MetadataRequest12(RequestStruct):  # type: ignore[misc]  # untyped library
    FLEXIBLE_VERSION = True
    API_KEY = 3
    API_VERSION = 12
    RESPONSE_TYPE = _MetadataResponse
    SCHEMA = Schema(
        ("topics", CompactArray(("topic_id", _Uuid), ("name", CompactString("utf-8")), ("tags", TaggedFields))),
        ("allow_auto_topic_creation", Boolean),
        ("include_topic_authorized_operations", Boolean),
        ("tags", TaggedFields),
    )


class _TopicMetadata(Request[_MetadataRequest12]):  # type: ignore[misc]  # untyped library
    API_KEY = 3

    def __init__(self, topic: str) -> None:
        self._topic = topic

    def build(self, request_struct_class: Any) -> Any:
        return request_struct_class([(_NO_ID, self._topic, {})], False, False, {})  # noqa: FBT003 - by position only


async def topic_id(admin: AIOKafkaAdminClient, topic: str) -> str | None:
    """Return a topic's id; None where the broker is too old to tell, or has no such topic. Raises KafkaError."""
    try:
        answer = await admin._send_request(_TopicMetadata(topic))  # noqa: SLF001 - guarded by private_names
    except (IncompatibleBrokerVersion, NotImplementedError):
        return None
    ids = [told[2] for told in answer.topics if told[1] == topic]
    return str(uuid.UUID(bytes=ids[0])) if ids and ids[0] != _NO_ID else None
