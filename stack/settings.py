"""The runner's settings, one class a command; made once, at the entry point. Variables begin with STACK_."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from observability.addresses import Bootstrap
from observability.duration import Duration


class BrokerSettings(BaseSettings):
    """Run a Kafka broker until Ctrl-C, or three that replicate: JVM processes, each its own controller, on loopback."""

    model_config = SettingsConfigDict(env_prefix="STACK_", extra="forbid", frozen=True)

    port: int = Field(9092, ge=1, le=65535, description="where it listens; a free port is taken when this one is not")
    data: Path = Field(Path("var/kafka"), description="folder that keeps the topics")
    brokers: Literal[1, 3] = Field(1, description="how many; of three any one may fail, as topics have three replicas")
    heap_mb: int = Field(512, ge=128, description="largest Java heap, in MB, of each")


class TopicsSettings(BaseSettings):
    """Create every topic with its settings; those that exist are checked."""

    model_config = SettingsConfigDict(env_prefix="STACK_", extra="forbid", frozen=True)

    bootstrap: Bootstrap = Field("127.0.0.1:9092", description="address of the Kafka broker")
    wait: float = Field(15.0, ge=0, description="seconds to wait for the broker")


class JarsSettings(BaseSettings):
    """Fetch the jars of the Kafka broker and of Delta for Spark into the user's cache, checksums verified."""

    model_config = SettingsConfigDict(env_prefix="STACK_", extra="forbid", frozen=True)


class JavaSettings(BaseSettings):
    """Print the JAVA_HOME that the broker and Spark are run with: `export JAVA_HOME=$(stack java)`."""

    model_config = SettingsConfigDict(env_prefix="STACK_", extra="forbid", frozen=True)


class DemoSettings(BaseSettings):
    """Run the whole application on this machine: broker, fleet, hot path, cold path, projector and API."""

    model_config = SettingsConfigDict(env_prefix="STACK_", extra="forbid", frozen=True, populate_by_name=True)

    span: Duration | None = Field(
        None, alias="for", description="end by itself this long after all programs are healthy: 90s, 5m"
    )
    report: Path | None = Field(None, description="file for the figures, one flat JSON object")
    vehicles: int = Field(200, ge=1, le=1_000_000, description="cars on the road")
    rate: float = Field(1.0, gt=0, le=50, description="readings a car sends in a second")
    seed: int = Field(1, ge=0, le=999_999, description="the same seed gives the same fleet")
    fault_rate: float = Field(5.0, ge=0, description="faults that begin in an hour of driving, per car")
    history_vehicles: int = Field(200, ge=1, le=1_000_000, description="cars in the history")
    history_days: float = Field(3.0, gt=0, le=30, description="days of history written first")
    history_limit: int = Field(500_000, ge=1000, description="most readings in the history")
    every: Duration = Field(20.0, description="from the start of one batch run to the start of the next")
    driver_memory: str = Field("1g", description="Spark's heap")
    port: int = Field(8000, ge=1, le=65535, description="where API and dashboard listen; taken: a free port")
    kafka_port: int = Field(9092, ge=1, le=65535, description="where the broker listens; taken: a free port")
    data: Path = Field(Path("var"), description="folder for everything that is kept")
    keep: bool = Field(default=False, description="go on with the data of the last run instead of beginning anew")
