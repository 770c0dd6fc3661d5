"""What can be set: flags of the command line, or environment variables that begin with COLD_PATH_."""

from __future__ import annotations

from pathlib import Path

from pydantic import AwareDatetime, Field, SecretStr
from pydantic_settings import BaseSettings, CliPositionalArg, CliSubCommand, SettingsConfigDict

from cold_path.spark.java import LIGHT_COMPILATION
from contracts.topics import COLD_PATH_GROUP, ENGINE_ALERTS, VEHICLE_READINGS, VEHICLE_STATES, VEHICLES
from observability.addresses import Bootstrap
from observability.duration import Duration, Wait

_CONFIGURATION = SettingsConfigDict(
    env_prefix="COLD_PATH_", extra="forbid", frozen=True, populate_by_name=True, cli_kebab_case=True
)


class _Told(BaseSettings):
    model_config = _CONFIGURATION

    as_json: bool = Field(default=False, alias="json", description="print JSON instead of a table")


class _Spark(BaseSettings):
    model_config = _CONFIGURATION

    lake: Path = Field(Path("var/lake"), description="folder of the lake, one Delta table")
    master: str = Field("local[2]", description="Spark master; local[N] computes in this process with N threads")
    driver_memory: str = Field("2g", description="memory of Spark's JVM, as Java writes it")
    java_options: str = Field(
        LIGHT_COMPILATION, description="options of Spark's JVM; the default starts fast, -XX:+UseParallelGC runs faster"
    )
    jars: Path | None = Field(
        None,
        description="folder of Delta's jars for Spark; default: where `make setup` puts them",
    )
    spark_log: Path = Field(Path("var/logs/spark.log"), description="file that takes what Spark's JVM says")


class _Common(BaseSettings):
    model_config = _CONFIGURATION

    bootstrap: Bootstrap = Field("127.0.0.1:9092", description="address of the Kafka broker, HOST:PORT")
    wait: Wait = Field(15.0, description="how long to wait for what must answer at start, such as the broker: 15s")
    readings_topic: str = Field(VEHICLE_READINGS.name, description="topic of the readings")
    views: Path = Field(Path("var/views"), description="folder of the published versions")


class Run(_Common, _Spark):
    """Take new readings into the lake, compute the views and publish them: once, or again and again."""

    once: bool = Field(default=False, description="end after one run")
    every: Duration = Field(30.0, description="from the start of one run to the start of the next: 30s, 5m")
    vehicles_topic: str = Field(VEHICLES.name, description="topic of the vehicle registry")
    group: str = Field(COLD_PATH_GROUP, description="consumer group that shows how far the published version reaches")
    match: bool = Field(
        default=True,
        description="match trips to roads, for road_costs and route_savings; unless --once, from the second version on",
    )
    roads: Path | None = Field(
        None, description="folder with vertices.csv and edges.csv to match to; default: Denver, which is built in"
    )
    rules: Path | None = Field(None, description="rule file whose hash the manifest pins; default: the project's own")
    accept_loss: bool = Field(
        default=False, description="go on although readings expired at the broker before they were ingested"
    )
    full: bool = Field(default=False, description="compute all days anew, though only some have new readings")
    compact_files: int = Field(
        64, ge=0, description="join a day's small files in the lake when there are more than this; 0: never"
    )
    keep_days: int = Field(
        0, ge=0, description="forget days of the lake that are older; 0: keep all. Less than 8 drops what Kafka holds"
    )
    status_port: int = Field(0, ge=-1, le=65535, description="port of health and metrics; 0: any free, -1: none")


class Verify(_Common, _Told):
    """Compare merged totals and alerts with what Kafka's raw records say; exit 1: they differ, 4: not proven."""

    store: str = Field("sqlite:///var/store/serving.db", description="address of the serving store")
    alerts_topic: str = Field(ENGINE_ALERTS.name, description="topic of the hot path's alerts")
    states_topic: str = Field(VEHICLE_STATES.name, description="topic of the hot path's states")
    vehicles_topic: str = Field(VEHICLES.name, description="topic of the vehicle registry")
    rules: Path | None = Field(None, description="the hot path's rule file; default: the project's own")
    lake: Path = Field(Path("var/lake"), description="folder of the lake, to name rows in it that were never committed")
    api: str | None = Field(
        None, description="address of the API, to compare the ranking that it answers: http://HOST:PORT"
    )
    api_key: SecretStr | None = Field(None, description="the API's key, where it asks for one; a viewer's is enough")


class Backtest(_Spark, _Told):
    """Run a rule file over the lake: what it would have raised, and against the truth where that is known."""

    rules: Path | None = Field(None, description="rule file to try; default: the project's own")
    from_: AwareDatetime | None = Field(
        None, alias="from", description="first broker time of the readings, ISO 8601; default: the beginning"
    )
    to: AwareDatetime | None = Field(None, description="broker time at which they end, exclusive; default: the end")
    bootstrap: Bootstrap = Field("127.0.0.1:9092", description="address of the Kafka broker that has the registry")
    vehicles_topic: str = Field(VEHICLES.name, description="topic of the vehicle registry")
    wait: Wait = Field(15.0, description="how long to wait for the broker: 15s")
    truth: Path | None = Field(None, description="file of injected faults, as `simulator history --truth` writes it")


class LakeStatusAsked(_Told):
    """Tell what the lake holds: rows by outcome, offsets covered and lost, days, files."""

    lake: Path = Field(Path("var/lake"), description="folder of the lake")


class LakeCompact(_Told):
    """Join small files and forget old days now; the resident program does this by itself."""

    lake: Path = Field(Path("var/lake"), description="folder of the lake")
    compact_files: int = Field(1, ge=0, description="join a day's small files when there are more than this; 0: never")
    keep_days: int = Field(0, ge=0, description="forget days that are older; 0: keep all")


class LakeErase(_Told):
    """Take one vehicle out of the lake and out of every published version, for good; `api erase` does the store."""

    vin: CliPositionalArg[str] = Field(description="which vehicle")
    lake: Path = Field(Path("var/lake"), description="folder of the lake")
    views: Path = Field(Path("var/views"), description="folder of the published versions")


class LakeCommand(BaseSettings):
    """Look at the lake, or put it in order."""

    model_config = _CONFIGURATION

    status: CliSubCommand[LakeStatusAsked]
    compact: CliSubCommand[LakeCompact]
    erase: CliSubCommand[LakeErase]


class _Views(_Told):
    views: Path = Field(Path("var/views"), description="folder of the published versions")


class ViewsList(_Views):
    """List the published versions, newest first."""


class ViewsShow(_Views):
    """Show all that a version depends on."""

    version: CliPositionalArg[int | None] = Field(None, description="default: the current one")


class ViewsDiff(_Views):
    """Show how two versions differ, view by view; exit 1 when rows do."""

    before: CliPositionalArg[int] = Field(description="a version")
    after: CliPositionalArg[int] = Field(description="another version")


class ViewsRollback(_Views):
    """Serve an earlier version, until there are new readings."""

    version: CliPositionalArg[int | None] = Field(None, description="default: the newest below the current one")


class ViewsPin(_Views):
    """Keep a version from being collected."""

    version: CliPositionalArg[int] = Field(description="a version")


class ViewsUnpin(_Views):
    """Let a version be collected again."""

    version: CliPositionalArg[int] = Field(description="a version")


class ViewsCommand(BaseSettings):
    """Look at the published versions, keep one, or go back to one."""

    model_config = _CONFIGURATION

    list_: CliSubCommand[ViewsList] = Field(alias="list")
    show: CliSubCommand[ViewsShow]
    diff: CliSubCommand[ViewsDiff]
    rollback: CliSubCommand[ViewsRollback]
    pin: CliSubCommand[ViewsPin]
    unpin: CliSubCommand[ViewsUnpin]


class ColdPath(BaseSettings):
    """Batch views of connected cars, by Spark: exact, versioned, computed from all readings."""

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, cli_prog_name="cold-path", cli_kebab_case=True, cli_implicit_flags=True
    )

    run: CliSubCommand[Run]
    verify: CliSubCommand[Verify]
    backtest: CliSubCommand[Backtest]
    lake: CliSubCommand[LakeCommand]
    views: CliSubCommand[ViewsCommand]
