"""The pipeline, the versions and the rules as the API answers them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

from pydantic import BaseModel, Field

from contracts.alert import Severity

if TYPE_CHECKING:
    from api.queries.served import StoredVersion
    from rules import Rule


class TopicLag(BaseModel):
    """How far a group is behind the end of a topic, in records."""

    topic: str
    lag: int
    by_partition: dict[int, int]


class Worker(BaseModel):
    """A member of a consumer group."""

    client_id: str
    member_id: str
    host: str
    partitions: list[int] = Field(description="of its topic, in order; none where there are more workers than these")


class GroupLag(BaseModel):
    """A consumer group's lag, and who reads in it."""

    group: str
    lag: int
    topics: list[TopicLag]
    workers: list[Worker] = Field(default=[], description="members; none of a group that reads without joining")


class Lag(BaseModel):
    """Lag of every group as Kafka knows it."""

    status: Literal["available", "unavailable"]
    detail: str | None = Field(default=None, description="why it is unavailable")
    groups: list[GroupLag] = []


class MarkAnswer(BaseModel):
    """Up to where in a partition of vehicle-readings the speed rows are complete."""

    partition: int
    next_offset: int
    received_at_ms: int
    rules_hash: str | None = Field(default=None, description="of the rules that have judged its readings")
    fold_version: int | None = Field(default=None, description="of the code that has judged them by these rules")
    since_offset: int | None = Field(default=None, description="the first offset that both have judged")
    unwatched: int | None = Field(default=None, description="vehicles beyond the bound of new ones: totals only")


class LatencyAnswer(BaseModel):
    """From a reading at the broker to its alert at the broker, over the newest alerts; silence left out."""

    alerts: int
    p50_ms: int | None
    p99_ms: int | None


class VehicleCounts(BaseModel):
    """How many vehicles there are."""

    registered: int
    heard: int
    silent: int
    unwatched: int = Field(description="beyond the bound of new vehicles an hour: of these only totals are kept")


class Pipeline(BaseModel):
    """How the whole does."""

    lag: Lag
    marks: list[MarkAnswer]
    rejected_readings: dict[str, int] = Field(examples=[{"not_json": 3, "bad_vin": 1}])
    event_to_alert: LatencyAnswer
    vehicles: VehicleCounts
    silent_vehicles: list[str] = Field(description="at most 100 of them, by VIN")
    batch_view_version: int | None
    batch_view_age_s: float | None = Field(description="since the newest reading in the batch version")


class VersionAnswer(BaseModel):
    """A version of the batch views."""

    version: int
    is_served: bool
    computed_at_ms: int
    loaded_at_ms: int
    as_of_ms: int
    as_of_day: str
    covered_offsets: dict[int, int]
    registry_offset: int
    rules_hash: str
    code_version: str
    row_counts: dict[str, int]

    @classmethod
    def of(cls, stored: StoredVersion, served: int | None) -> Self:
        """Make it from a stored version."""
        manifest = stored.manifest
        return cls(
            version=manifest.version,
            is_served=manifest.version == served,
            computed_at_ms=manifest.computed_at_ms,
            loaded_at_ms=stored.loaded_at_ms,
            as_of_ms=manifest.as_of_ms,
            as_of_day=manifest.as_of_day,
            covered_offsets={int(partition): offset for partition, offset in manifest.covered_offsets.items()},
            registry_offset=manifest.registry_offset,
            rules_hash=manifest.rules_hash,
            code_version=manifest.code_version,
            row_counts=manifest.row_counts,
        )


class Views(BaseModel):
    """The batch views in the store, newest first, and what is being served."""

    served: int | None = Field(description="the version answers come from; null before the first")
    published: int | None = Field(description="the version that is published; not yet loaded where it differs")
    age_s: float | None = Field(description="seconds since the newest reading in the version served")
    versions: list[VersionAnswer]


class RuleAnswer(BaseModel):
    """A rule in force. Conditions are over signals of a reading; durations are event time."""

    name: str
    family: str
    severity: Severity
    message: str
    source: str
    trouble_code: str | None
    when: str | None = Field(description="the enabling condition")
    level: str | None = Field(description="what must hold", examples=["coolant_c >= 110"])
    for_s: float
    clear: str | None = Field(description="what must hold for the episode to end")
    clear_for_s: float
    cooldown_s: float
    codes: list[str]
    signals: list[str]

    @classmethod
    def of(cls, rule: Rule) -> Self:
        """Make it from a compiled rule."""
        return cls(
            name=rule.name,
            family=rule.family,
            severity=rule.severity,
            message=rule.message,
            source=rule.source,
            trouble_code=rule.trouble_code,
            when=rule.when.text if rule.when else None,
            level=rule.level.text if rule.level else None,
            for_s=rule.for_ms / 1000,
            clear=rule.clear.text if rule.clear else None,
            clear_for_s=rule.clear_for_ms / 1000,
            cooldown_s=rule.cooldown_ms / 1000,
            codes=list(rule.codes),
            signals=list(rule.signals),
        )


class RulesAnswer(BaseModel):
    """The rules in force, in the order of their file."""

    rules_hash: str
    rules: list[RuleAnswer]
