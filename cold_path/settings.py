"""What can be set: flags of the command line, or environment variables that begin with COLD_PATH_."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field, PositiveFloat
from pydantic_settings import BaseSettings, CliSubCommand, SettingsConfigDict

from cold_path.spark.java import LIGHT_COMPILATION
from contracts.topics import COLD_PATH_GROUP, VEHICLE_READINGS, VEHICLES
from observability.addresses import Bootstrap

_UNITS_S = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h)?")


def seconds(given: object) -> object:
    """Read `30s`, `5m`, `1h`, `250ms` or plain seconds; anything else goes on unread and is refused with its name."""
    found = _DURATION.fullmatch(given.strip()) if isinstance(given, str) else None
    return float(found[1]) * _UNITS_S[found[2] or ""] if found else given


Duration = Annotated[float, Field(ge=0), BeforeValidator(seconds)]


class _Common(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="COLD_PATH_", extra="forbid", frozen=True, populate_by_name=True)

    bootstrap: Bootstrap = Field("127.0.0.1:9092", description="address of the Kafka broker, HOST:PORT")
    wait: Duration = Field(15.0, description="how long to wait for what must answer at start, such as the broker: 15s")
    readings_topic: str = Field(VEHICLE_READINGS.name, description="topic of the readings")
    views: Path = Field(Path("var/views"), description="folder of the published versions")


class Run(_Common):
    """Take new readings into the lake, compute the views and publish them: once, or again and again."""

    once: bool = Field(default=False, description="end after one run")
    every: Annotated[PositiveFloat, BeforeValidator(seconds)] = Field(
        30.0, description="from the start of one run to the start of the next: 30s, 5m"
    )
    lake: Path = Field(Path("var/lake"), description="folder of the lake, one Delta table")
    vehicles_topic: str = Field(VEHICLES.name, description="topic of the vehicle registry")
    group: str = Field(COLD_PATH_GROUP, description="consumer group that shows how far the published version reaches")
    rules: Path | None = Field(None, description="rule file whose hash the manifest pins; default: the project's own")
    accept_loss: bool = Field(
        default=False, description="go on although readings expired at the broker before they were ingested"
    )
    full: bool = Field(default=False, description="compute all days anew, though only some have new readings")
    master: str = Field("local[2]", description="Spark master; local[N] computes in this process with N threads")
    driver_memory: str = Field("2g", description="memory of Spark's JVM, as Java writes it")
    java_options: str = Field(
        LIGHT_COMPILATION, description="options of Spark's JVM; the default starts fast, -XX:+UseParallelGC runs faster"
    )
    jars: Path | None = Field(
        None,
        description="folder of Spark's Kafka and Delta jars; default: where `make setup` puts them",
    )
    spark_log: Path = Field(Path("var/logs/spark.log"), description="file that takes what Spark's JVM says")
    status_port: int = Field(0, ge=-1, le=65535, description="port of health and metrics; 0: any free, -1: none")


class Verify(_Common):
    """Compare the merged totals in the store with a fold over the raw records of Kafka; exit 1 when they differ."""

    store: str = Field("sqlite:///var/store/serving.db", description="address of the serving store")
    as_json: bool = Field(default=False, alias="json", description="print JSON instead of a table")


class ColdPath(BaseSettings):
    """Batch views of connected cars, by Spark: exact, versioned, computed from all readings."""

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, cli_prog_name="cold-path", cli_kebab_case=True, cli_implicit_flags=True
    )

    run: CliSubCommand[Run]
    verify: CliSubCommand[Verify]
