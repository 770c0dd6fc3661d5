"""The figures of one demo, one flat object; and what is wrong with them. Pure."""

from __future__ import annotations

import msgspec

_MUST_BE_MORE_THAN_ZERO = (
    "readings_produced",
    "readings_processed",
    "alerts_raised",
    "batch_view_version",
    "vehicles_ranked",
    "peak_memory_mb",
)
_MAY_BE_MISSING = ("fault_recall",)


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """None means that the figure could not be had. Counts are over the whole run, history included.

    `readings_produced` are the records on `vehicle-readings`; `readings_processed` those that the hot path committed
    and did not reject. The latencies are those of readings received after the hot path first reached the end of its
    partitions, from the broker's time of the reading to the broker's time of the alert. Seconds count from the
    demo's start to when the API first gave an answer. Recall is over the faults that lasted long enough to reach the
    condition of their rule: None when there was none.
    """

    readings_produced: int | None = None
    readings_processed: int | None = None
    readings_rejected: int | None = None
    alerts_raised: int | None = None
    alerts_cleared: int | None = None
    event_to_alert_p50_ms: int | None = None
    event_to_alert_p99_ms: int | None = None
    seconds_to_first_alert: float | None = None
    seconds_to_first_ranking: float | None = None
    batch_view_version: int | None = None
    vehicles_ranked: int | None = None
    merged_equals_recompute: bool | None = None
    faults_injected: int | None = None
    faults_detected: int | None = None
    fault_recall: float | None = None
    false_alarms_per_1000_vehicle_hours: float | None = None
    peak_memory_mb: int | None = None
    programs_restarted: int | None = None


def complaints(report: Report) -> list[str]:
    """Say which figures are missing, zero, false or do not add up; nothing of a good run."""
    figures = msgspec.structs.asdict(report)
    told = [f"{name} is missing" for name, value in figures.items() if value is None and name not in _MAY_BE_MISSING]
    told += [f"{name} is zero" for name in _MUST_BE_MORE_THAN_ZERO if figures[name] == 0]
    if report.merged_equals_recompute is False:
        told.append("merged_equals_recompute is false")
    return told + _sum_complaints(report)


def _sum_complaints(report: Report) -> list[str]:
    produced, processed, rejected = report.readings_produced, report.readings_processed, report.readings_rejected
    if produced is None or processed is None or rejected is None or produced == processed + rejected:
        return []
    return [f"readings_produced is {produced}, but readings_processed + readings_rejected is {processed + rejected}"]


def report_bytes(report: Report) -> bytes:
    """Encode it for people too: one figure a line."""
    return msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n"
