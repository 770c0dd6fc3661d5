"""The tables of the store. `cold-path verify` reads speed_trips, batch_*, marks, versions and serving_version by SQL.

Times are epoch milliseconds; `available_at_ms` is the broker's time of an alert event, `received_at_ms` that of the
reading behind it. JSON is kept as text, as it came from Kafka.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import BigInteger, Boolean, Column, Date, Float, Index, Integer, MetaData, String, Table, Text

from contracts.views import VIEW_COLUMNS, ColumnType

metadata = MetaData()

Rows = list[dict[str, Any]]

_TYPES: Final[dict[ColumnType, Any]] = {
    "string": String,
    "int": Integer,
    "long": BigInteger,
    "double": Float,
    "date": Date,
}
_KEYS: Final[dict[str, tuple[str, ...]]] = {
    "trips": ("vehicle_id", "trip_started_at_ms"),
    "vehicle_days": ("vehicle_id", "day"),
    "fuel_efficiency": ("scope", "period_kind", "period", "key"),
    "road_costs": ("segment_id", "vehicle_class", "time_of_day"),
    "route_savings": ("vehicle_id", "trip_started_at_ms", "leg"),
}


SAMPLED: Final = ("earlier_sequence", "earlier_at_ms", "middle_sequence", "middle_at_ms")
"""Columns that depend on when a state was written, and not on the stream alone."""


def _key(name: str, kind: Any = String) -> Column[Any]:
    return Column(name, kind, primary_key=True, autoincrement=False)


def _due(name: str, kind: Any = BigInteger) -> Column[Any]:
    return Column(name, kind, nullable=False)


def _batch_table(view: str) -> Table:
    """Give a view's table: a version's number before the view's own columns, clustered by its key."""
    columns = VIEW_COLUMNS[view]
    keys = _KEYS[view]
    return Table(
        f"batch_{view}",
        metadata,
        _key("version", Integer),
        *(_key(name, _TYPES[columns[name]]) for name in keys),
        *(Column(name, _TYPES[kind]) for name, kind in columns.items() if name not in keys),
        sqlite_with_rowid=False,
    )


consumed = Table("consumed", metadata, _key("topic"), _key("partition", Integer), _due("next_offset"))
"""The projector's positions in Kafka, written in the transaction of the rows they stand for."""

marks = Table(
    "marks",
    metadata,
    _key("partition", Integer),
    _due("next_offset"),
    _due("received_at_ms"),
    Column("rules_hash", String),
    Column("fold_version", Integer),
    Column("since_offset", BigInteger),
    Column("unwatched", BigInteger),
)
"""Up to where in a partition of vehicle-readings the speed rows are complete.

The last four are null where version 0.1 wrote the row.
"""

speed_trips = Table(
    "speed_trips",
    metadata,
    _key("vehicle_id"),
    _key("trip_started_at_ms", BigInteger),
    _due("partition", Integer),
    _due("distance_m"),
    Column("fuel_ml", BigInteger),
    Column("idle_s", BigInteger),
    _due("ended_at_ms"),
    _due("source_offset"),
    Index("speed_trips_by_offset", "partition", "source_offset"),
    sqlite_with_rowid=False,
)

BATCH: Final[dict[str, Table]] = {view: _batch_table(view) for view in _KEYS}
"""The views that are served; others stay in their folder."""
batch_trips = BATCH["trips"]
batch_vehicle_days = BATCH["vehicle_days"]
batch_fuel_efficiency = BATCH["fuel_efficiency"]
batch_road_costs = BATCH["road_costs"]
batch_route_savings = BATCH["route_savings"]

versions = Table("versions", metadata, _key("version", Integer), _due("manifest", Text), _due("loaded_at_ms"))
"""Versions of the batch views whose every row is in the store."""

version_offsets = Table(
    "version_offsets", metadata, _key("version", Integer), _key("partition", Integer), _due("next_offset")
)
"""A version's covered offsets: speed rows below them add nothing to it."""

serving_version = Table("serving_version", metadata, _key("id", Integer), _due("version", Integer))
"""One row, id 1: the version that is answered from."""

vehicles = Table(
    "vehicles",
    metadata,
    _key("vehicle_id"),
    _due("make", String),
    _due("model", String),
    _due("year"),
    _due("fleet", String),
    _due("model_name", String),
    _due("entry", Text),
    Index("vehicles_by_model", "model_name", "vehicle_id"),
    Index("vehicles_by_fleet", "fleet", "vehicle_id"),
)
"""The registry; `entry` is the whole record."""

vehicle_latest = Table(
    "vehicle_latest",
    metadata,
    _key("vehicle_id"),
    _due("partition", Integer),
    _due("source_offset"),
    _due("received_at_ms"),
    _due("recorded_at_ms"),
    _due("newest_received_at_ms"),
    _due("trip_started_at_ms"),
    _due("is_silent", Boolean),
    _due("reading", Text),
    Column("averages", Text),
    Column("latitude_deg", Float),
    Column("longitude_deg", Float),
    Column("sequence", BigInteger),
    *(Column(name, BigInteger) for name in SAMPLED),
    Index("latest_by_place", "latitude_deg", "longitude_deg", "vehicle_id"),
)
"""The newest reading of each; SAMPLED is its sequence some minutes ago, to count readings by."""

erased = Table("erased", metadata, _key("vehicle_id"), _due("erased_at_ms"))
"""Vehicles of which nothing older than this (broker time) may be known."""

alerts = Table(
    "alerts",
    metadata,
    _key("alert_id"),
    _due("change", Integer),
    _due("vehicle_id", String),
    _due("rule", String),
    _due("rules_hash", String),
    Column("trouble_code", String),
    _due("severity", String),
    _due("severity_rank", Integer),
    _due("state", String),
    _due("is_open", Boolean),
    Column("clear_reason", String),
    _due("message", Text),
    _due("raised_at_ms"),
    _due("changed_at_ms"),
    Column("cleared_at_ms", BigInteger),
    _due("received_at_ms"),
    _due("available_at_ms"),
    _due("partition", Integer),
    _due("source_offset"),
    Column("latitude_deg", Float),
    Column("longitude_deg", Float),
    _due("evidence", Text),
    _due("worst", Text),
    Column("acknowledged_by", String),
    Column("acknowledged_at_ms", BigInteger),
    Column("resolved_by", String),
    Column("resolved_at_ms", BigInteger),
    _due("needs_attention", Boolean),
    Index("alerts_newest_first", "available_at_ms", "alert_id"),
    Index("alerts_open_newest", "is_open", "available_at_ms", "alert_id"),
    Index("alerts_by_severity", "severity", "is_open", "available_at_ms", "alert_id"),
    Index("alerts_by_vehicle", "vehicle_id", "available_at_ms"),
    Index("alerts_by_rule", "rule", "available_at_ms"),
)
"""What an alert's changes and actions amount to; a fold of the two tables below."""

_URGENCY = (
    alerts.c.severity_rank.desc(),
    alerts.c.needs_attention.desc(),
    alerts.c.raised_at_ms,
    alerts.c.alert_id,
)
Index("alerts_by_urgency", alerts.c.is_open, *_URGENCY, alerts.c.vehicle_id)
Index("alerts_open", alerts.c.is_open, alerts.c.vehicle_id, *_URGENCY)

alert_changes = Table(
    "alert_changes",
    metadata,
    _key("alert_id"),
    _key("change", Integer),
    _due("available_at_ms"),
    _due("event", Text),
    Column("partition", Integer),
    Column("record_offset", BigInteger),
    Index("alert_changes_by_place", "partition", "record_offset"),
    sqlite_with_rowid=False,
)
"""Alert events; `partition` and `record_offset` are where one stood first in engine-alerts."""

alert_actions = Table(
    "alert_actions",
    metadata,
    _key("alert_id"),
    _key("action_id"),
    _due("available_at_ms"),
    _due("event", Text),
    Index("alert_actions_by_time", "alert_id", "available_at_ms", "action_id"),
    sqlite_with_rowid=False,
)

rejected = Table(
    "rejected",
    metadata,
    _key("source_topic"),
    _key("source_partition", Integer),
    _key("source_offset", BigInteger),
    _due("partition", Integer),
    _due("record_offset"),
    _due("reason", String),
    _due("detail", Text),
    Column("vehicle_id", String),
    _due("received_at_ms"),
    _due("length", BigInteger),
    Column("sha256", String),
    Column("records", Integer, nullable=False, server_default="1"),
    Index("rejected_by_reason", "reason", "received_at_ms", "records"),
    Index("rejected_by_vehicle", "vehicle_id", "received_at_ms"),
    Index("rejected_by_time", "received_at_ms", "partition", "record_offset"),
    Index("rejected_by_bytes", "sha256"),
)
"""One row a rejected record, named by where it stood first, so that a repeated rejection counts once.

Of a record batch with very many, one row for those told together: it stands for `records`.
"""
