"""Every topic, once: its key, its value, how it is kept. Created with these settings and no others."""

from __future__ import annotations

from dataclasses import dataclass, field

_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS
LARGEST_RECORD_BYTES = 2 * 1024 * 1024
READING_PARTITIONS = 12
"""Fixed: with another number a vehicle's readings would have two owners, so another number is another topic."""


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic's name, what its keys and values are, and its settings at the broker."""

    name: str
    key: str
    value: str
    partitions: int
    settings: dict[str, str] = field(default_factory=dict)

    def broker_settings(self, *, replication: int = 1) -> dict[str, str]:
        """Give the settings to create the topic with; with three replicas a write needs two."""
        common = {
            "message.timestamp.type": "LogAppendTime",
            "max.message.bytes": str(LARGEST_RECORD_BYTES),
            "compression.type": "producer",
        }
        durable = {"min.insync.replicas": "2"} if replication >= 3 else {}  # noqa: PLR2004
        return common | durable | self.settings


def _kept(days: int) -> dict[str, str]:
    return {"cleanup.policy": "delete", "retention.ms": str(days * _DAY_MS)}


def _compacted(*, lag_hours: int = 0, days: int | None = None) -> dict[str, str]:
    policy = "compact" if days is None else "compact,delete"
    kept = {} if days is None else {"retention.ms": str(days * _DAY_MS)}
    return {"cleanup.policy": policy, "min.compaction.lag.ms": str(lag_hours * _HOUR_MS)} | kept


VEHICLE_READINGS = Topic("vehicle-readings", "VIN", "Reading", READING_PARTITIONS, _kept(7))
ENGINE_ALERTS = Topic("engine-alerts", "VIN", "Alert", READING_PARTITIONS, _kept(30))
VEHICLE_STATES = Topic(
    "vehicle-states", "VIN or mark:PARTITION", "VehicleState or Mark", READING_PARTITIONS, _compacted(lag_hours=24)
)
REJECTED_READINGS = Topic("rejected-readings", "as it came", "the first 64 KiB as they came", 3, _kept(14))
VEHICLES = Topic("vehicles", "VIN", "Vehicle", 1, _compacted())
ALERT_ACTIONS = Topic("alert-actions", "alert_id:action_id", "AlertAction", 1, _compacted(days=365))
VEHICLE_ERASURES = Topic("vehicle-erasures", "VIN", "Erasure", 1, _compacted())
DASHCAM_SNAPSHOTS = Topic("dashcam-snapshots", "VIN", "JPEG", 6, _kept(1))

TOPICS: tuple[Topic, ...] = (
    VEHICLE_READINGS,
    ENGINE_ALERTS,
    VEHICLE_STATES,
    REJECTED_READINGS,
    VEHICLES,
    ALERT_ACTIONS,
    VEHICLE_ERASURES,
    DASHCAM_SNAPSHOTS,
)

HOT_PATH_GROUP = "hot-path"
COLD_PATH_GROUP = "cold-path"
SERVING_GROUP = "serving"

READ_BY: dict[str, tuple[Topic, ...]] = {
    HOT_PATH_GROUP: (VEHICLE_READINGS,),
    COLD_PATH_GROUP: (VEHICLE_READINGS,),
    SERVING_GROUP: (ENGINE_ALERTS, VEHICLE_STATES, VEHICLES, REJECTED_READINGS, ALERT_ACTIONS, VEHICLE_ERASURES),
}
"""What each consumer group reads: where its lag is looked for."""
