"""The hot path's settings, made once at the entry point. Environment variables begin with HOT_PATH_."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from contracts.topics import (
    ENGINE_ALERTS,
    HOT_PATH_GROUP,
    REJECTED_READINGS,
    VEHICLE_READINGS,
    VEHICLE_STATES,
    VEHICLES,
)
from observability.addresses import Bootstrap
from rules import default_rules_file


class HotPathSettings(BaseSettings):
    """Read readings, write alerts and vehicle states, until stopped."""

    model_config = SettingsConfigDict(env_prefix="HOT_PATH_", extra="forbid", frozen=True, cli_kebab_case=True)

    bootstrap: Bootstrap = Field("127.0.0.1:9092", description="address of the Kafka broker")
    wait: float = Field(15.0, ge=0, description="seconds to wait for the broker and its topics at start")
    rules: Path = Field(default_factory=default_rules_file, description="the rule file")
    status_port: int = Field(0, ge=-1, le=65535, description="port of health and metrics; 0 any free one, -1 none")
    app_id: str = Field(HOT_PATH_GROUP, description="consumer group; workers of one group share the partitions")
    readings_topic: str = Field(VEHICLE_READINGS.name, description="topic that is read")
    alerts_topic: str = Field(ENGINE_ALERTS.name, description="topic for alerts")
    states_topic: str = Field(VEHICLE_STATES.name, description="topic for vehicle states, the table's changelog")
    rejected_topic: str = Field(REJECTED_READINGS.name, description="topic for records that are no readings")
    vehicles_topic: str = Field(VEHICLES.name, description="topic of the vehicle registry")
    chunk_readings: int = Field(2_000, ge=1, description="readings that are folded, and committed, together")
    flush_shortest: float = Field(1.0, gt=0, description="seconds between two writings of changed states, few vehicles")
    flush_longest: float = Field(10.0, gt=0, description="the same for many vehicles")
    flush_vehicles: int = Field(10_000, ge=1, description="vehicles for each second between two writings of states")
    session_timeout: float = Field(
        6.0, ge=1, description="seconds after which a silent worker's partitions are given away"
    )
    commit_interval: float = Field(1.0, gt=0, description="seconds between two commits of source offsets")
    standstill: float = Field(
        30.0,
        ge=0,
        description="seconds after which a worker that gets no further while readings wait restarts; 0 never",
    )

    @property
    def standstill_s(self) -> float:
        """Give the watchdog's patience: as set, and never less than two full rounds of flush and commit take."""
        return max(self.standstill, 2 * (self.flush_longest + self.commit_interval))
