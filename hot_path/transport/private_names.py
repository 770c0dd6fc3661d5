"""The private names of Faust and aiokafka that the transport is built on, and the check that each still exists."""

from __future__ import annotations

from importlib.metadata import version

import faust
import faust.transport.consumer
import faust.transport.drivers.aiokafka as driver
from aiokafka import AIOKafkaConsumer
from aiokafka.consumer import fetcher
from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery

from runtime.kafka import private_names

TRIED_VERSIONS = {"faust-streaming": "0.15.3", "aiokafka": "0.14.0"}

_CONSUMER = (
    "_getmany _wait_next_records _to_message _add_gap _new_offset _filter_tps_with_pending_acks"
    " _new_consumer_thread perform_seek getmany on_init on_buffer_full on_buffer_drop on_partitions_revoked highwater"
)
USED_NAMES: tuple[tuple[type, str], ...] = (
    *private_names.USED_NAMES,
    (driver.Consumer, _CONSUMER),
    (driver.AIOKafkaConsumerThread, "_create_worker_consumer _ensure_consumer _fetch_records call_thread"),
    (driver.AIOKafkaConsumerThread, "_create_client_consumer _highwaters"),
    (fetcher.Fetcher, "fetched_records _proc_fetch_request"),
    (AIOKafkaConsumer, "highwater last_stable_offset position last_poll_timestamp"),
    (Recovery, "on_recovery_completed _slurp_changelogs need_recovery"),
    (TableManager, "on_rebalance _update_channels changelog_topics"),
    (faust.App, "rebalancing on_rebalance_end"),
)
"""Class, and the names of it that the transport overrides or calls."""

USED_VARIABLES: tuple[tuple[type, str], ...] = (
    *private_names.USED_VARIABLES,
    (faust.transport.consumer.Consumer, "_acked _acked_index _buffered_partitions _read_offset _committed_offset"),
    (fetcher.PartitionRecords, "_isolation_level"),
    (AIOKafkaConsumer, "_value_deserializer _isolation_level _fetcher"),
    (fetcher.Fetcher, "_records"),
)
"""Class, and the instance variables that its methods must still use."""


class ForeignVersions(ImportError):
    """Faust or aiokafka no longer has a private name that the batching transport is built on."""


def check_private_names() -> None:
    """Raise ForeignVersions, which names what is missing and the versions, when a private name has gone."""
    if missing := missing_names():
        found = ", ".join(f"{package} {version(package)}" for package in TRIED_VERSIONS)
        tried = ", ".join(f"{package} {number}" for package, number in TRIED_VERSIONS.items())
        raise ForeignVersions(f"the batching transport needs {', '.join(missing)}; found {found}, made for {tried}")


def missing_names() -> list[str]:
    """Give the private names that are used and do not exist, as `Class.name`."""
    return private_names.missing_names(USED_NAMES, USED_VARIABLES)
