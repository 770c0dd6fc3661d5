"""The hot path's figures: counts of what was done, and the time from a reading to its alert, broker to broker."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

from observability import metrics

if TYPE_CHECKING:
    from aiokafka.structs import RecordMetadata

    from contracts.alert import Alert
    from hot_path.decision import Effects


def count(effects: Effects) -> None:
    """Count what a chunk did."""
    metrics.READINGS_PROCESSED.inc(effects.folded)
    for rejected in effects.rejected:
        metrics.READINGS_REJECTED.labels(rejected.reason).inc(rejected.records)
    for signal, readings in Counter(effects.ignored_signals).items():
        metrics.SIGNALS_IGNORED.labels(signal).inc(readings)


def count_alert(alert: Alert, sent: asyncio.Future[RecordMetadata], *, is_timed: bool) -> None:
    """Count an alert once the broker has it; its latency only where the reading was answered at once."""
    if sent.cancelled() or sent.exception() is not None:
        return
    metrics.ALERTS_SENT.labels(alert.rule, alert.state).inc()
    if is_timed:
        metrics.EVENT_TO_ALERT.observe(max(0, sent.result().timestamp - alert.received_at_ms) / 1000)
