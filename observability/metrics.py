"""Every metric, once: name, unit, meaning. Programs get theirs from here and make up none."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

_MILLISECONDS_TO_SECONDS = (0.001, 0.002, 0.005, 0.008, 0.012, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

# every program that reads Kafka
RECORDS_PASSED_OVER = Counter(
    "records_passed_over", "Records and record batches of Kafka that say what cannot be true, by topic", ["topic"]
)
# simulator
READINGS_PRODUCED = Counter("readings_produced", "Readings acknowledged by the broker", ["program"])
SNAPSHOTS_SENT = Counter("snapshots_sent", "Dashcam pictures that left the simulated cars")
# gateway
MESSAGES_FORWARDED = Counter("messages_forwarded", "MQTT messages in Kafka, and acknowledged to their cars")
MESSAGES_HELD = Gauge("messages_held", "MQTT messages taken that Kafka does not have yet")
MQTT_CONNECTIONS = Counter("mqtt_connections", "Connections made to the MQTT broker")
KAFKA_REFUSALS = Counter("kafka_refusals", "Chunks of records that Kafka did not take at the first try")
# hot path
READINGS_PROCESSED = Counter("readings_processed", "Good readings folded, by the hot path")
READINGS_REJECTED = Counter("readings_rejected", "Records rejected, by reason", ["reason"])
SIGNALS_IGNORED = Counter("signals_ignored", "Signals out of their range, by name", ["signal"])
ALERTS_SENT = Counter("alerts_sent", "Alert events acknowledged by the broker", ["rule", "state"])
EVENT_TO_ALERT = Histogram(
    "event_to_alert_seconds", "Broker time of a reading to broker time of its alert", buckets=_MILLISECONDS_TO_SECONDS
)
FLUSHES = Counter("state_flushes", "Flushes of vehicle states followed by a mark")
FLUSH_SECONDS = Histogram("state_flush_seconds", "Duration of a flush", buckets=_MILLISECONDS_TO_SECONDS)
PARTITIONS_OWNED = Gauge("partitions_owned", "Partitions of vehicle-readings that this worker owns")
VEHICLES_KNOWN = Gauge("vehicles_known", "Vehicles in this worker's table")
VEHICLES_UNWATCHED = Gauge(
    "vehicles_unwatched", "Vehicles in this worker's table of which only totals are kept, as too many were new"
)
TROUBLE_CODES_WAITING = Counter(
    "trouble_codes_waiting", "Trouble codes of readings that wait, as too many changed in their partition at once"
)
STANDSTILL_SECONDS = Gauge(
    "standstill_seconds", "How long a partition with readings waiting has got no further, the longest of all"
)
STANDSTILL_RESTARTS = Counter("standstill_restarts", "Restarts that this worker's watchdog has begun")
# cold path
LAKE_ROWS = Counter("lake_rows", "Records written to the lake", ["outcome"])
BATCH_VERSION = Gauge("batch_view_version", "Version of the batch views being served")
BATCH_RUN_SECONDS = Histogram(
    "batch_run_seconds",
    "Duration of a stage of a batch run",
    ["stage"],
    buckets=(1, 2, 5, 10, 20, 30, 60, 120, 300, 600),
)
BATCH_RUN_FAILURES = Counter("batch_run_failures", "Batch runs that published nothing because of an error")
# api
PROJECTED_ROWS = Counter("projected_rows", "Rows written to the store", ["kind"])
REQUESTS = Counter("http_requests", "Requests answered", ["route", "status"])
REQUEST_SECONDS = Histogram(
    "http_request_seconds", "Duration of a request", ["route"], buckets=_MILLISECONDS_TO_SECONDS
)
NOTIFICATIONS = Counter("notifications", "Attempts to deliver an alert to a webhook", ["webhook", "outcome"])
