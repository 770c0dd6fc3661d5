"""Settings of the API and of the projector; flags and environment variables (API_…) carry the same names."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, CliPositionalArg, CliSubCommand, SettingsConfigDict

from api.role import Role
from contracts.alert import Severity
from contracts.definitions import PeriodKind, Scope
from contracts.road_costs import TimeOfDay, VehicleClass
from observability.addresses import Bootstrap

_BOOTSTRAP = Field(default="127.0.0.1:9092", description="Kafka's address, host:port; several with commas")
_STORE = Field(
    default="sqlite:///var/store/serving.db",
    description="the store: sqlite:///FILE, or postgresql+psycopg://HOST/DATABASE",
)
_VIEWS = Field(default=Path("var/views"), description="folder of the published batch views")
_KEYS = Field(default=Path("var/api/keys.json"), description="file of the API keys' hashes; without one loopback only")
_AUDIT = Field(default=Path("var/api/audit.jsonl"), description="file that every change is noted in")


class ServeSettings(BaseSettings):
    """Answer over HTTP from the store."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_prefix="API_")

    host: str = Field(default="127.0.0.1", description="address to listen on; without keys loopback only")
    behind_loopback: bool = Field(
        default=False,
        description="allow any host: what stands in front, as a container's published port, admits this machine only",
    )
    port: int = Field(default=8000, ge=0, le=65535, description="port to listen on; 0 takes a free one and logs it")
    store: str = _STORE
    views: Path = _VIEWS
    bootstrap: Bootstrap = _BOOTSTRAP
    lake: Path = Field(default=Path("var/lake"), description="folder of the lake, for readings that Kafka has no more")
    rules: Path | None = Field(default=None, description="the rule file in force; default: the one that is built in")
    roads: Path | None = Field(
        default=None, description="folder of the road network, as for `cold-path run`; default: Denver, built in"
    )
    action_wait: float = Field(
        default=2.0, ge=0, le=30, description="seconds to wait until the store shows an action, before answering 202"
    )
    simulator_control: str | None = Field(
        default=None,
        pattern=r"^http://(127\.0\.0\.1|localhost):\d{1,5}$",
        description="address of `simulator run --control`, as http://127.0.0.1:9300, to steer that fleet by "
        "/v1/simulator; loopback only. Default: none",
    )
    keys: Path = _KEYS
    audit: Path = _AUDIT
    rate_limit: float = Field(default=100.0, ge=0, description="requests a second and key; 0: without limit")
    cors_origins: list[str] = Field(
        default=[], description="web pages of these origins may ask too, as https://fleet.example; default: none"
    )
    log_requests: bool = Field(default=False, description="log every request")


class ProjectorSettings(BaseSettings):
    """Fill the store from Kafka and from published batch views."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_prefix="API_")

    store: str = _STORE
    views: Path = _VIEWS
    bootstrap: Bootstrap = _BOOTSTRAP
    keep_alerts: int = Field(default=365, ge=0, description="days that a cleared alert is kept; 0: for ever")
    keep_trips: int = Field(default=400, ge=0, description="days that the speed layer keeps a trip; 0: for ever")
    keep_positions: int = Field(
        default=90,
        ge=0,
        description="days that a vehicle's newest reading is kept after it was last heard; 0: for ever",
    )
    keep_rejected: int = Field(default=30, ge=0, description="days that a rejection is counted; 0: for ever")
    wait: float = Field(default=15.0, gt=0, description="seconds to wait for the broker at start")
    status_port: int = Field(
        default=0, ge=-1, le=65535, description="port of health and metrics; 0: a free one, -1: none"
    )


class EraseSettings(BaseSettings):
    """Erase one vehicle from topics and store, for good; `cold-path lake erase` does the same to lake and views."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_prefix="API_")

    vin: CliPositionalArg[str] = Field(description="which vehicle")
    by: str = Field(min_length=1, max_length=100, description="who erases it, for the audit log")
    store: str = _STORE
    bootstrap: Bootstrap = _BOOTSTRAP
    audit: Path = _AUDIT
    wait: float = Field(default=30.0, gt=0, description="seconds to wait until the store has forgotten it")


class NotifierSettings(BaseSettings):
    """Send alerts to webhooks: signed, retried, each change once."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_prefix="API_")

    webhooks: Path = Field(
        default=Path("webhooks.toml"), description="file of the receivers, one table [[webhook]] each"
    )
    ledger: Path = Field(
        default=Path("var/notifier/ledger.db"), description="file of what was taken and delivered; SQLite"
    )
    bootstrap: Bootstrap = _BOOTSTRAP
    from_beginning: bool = Field(
        default=False, description="a new ledger begins with every alert that Kafka holds, not with the next one"
    )
    retry_dead: bool = Field(default=False, description="try what was given up anew")
    timeout: float = Field(default=10.0, gt=0, description="seconds that an attempt may take as a whole")
    wait: float = Field(default=15.0, gt=0, description="seconds to wait for the broker at start")
    status_port: int = Field(
        default=0, ge=-1, le=65535, description="port of health and metrics; 0: a free one, -1: none"
    )


class ClientSettings(BaseSettings):
    """Where a running API is asked."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_prefix="API_", populate_by_name=True)

    server: str = Field(default="http://127.0.0.1:8000", description="the API's address")
    key: SecretStr | None = Field(default=None, description="API key, where the API asks for one")
    as_json: bool = Field(default=False, alias="json", description="print the answer as JSON instead of a table")


class AttentionAsked(ClientSettings):
    """Show which cars need immediate attention, the most urgent first."""

    limit: int = Field(default=20, ge=1, le=500, description="vehicles at most")


class RankingAsked(ClientSettings):
    """Show which cars are most fuel efficient."""

    scope: Scope = Field(default="vehicle", description="what is ranked: vehicles, models or fleets")
    period_kind: PeriodKind = Field(default="last_7_days", description="over which kind of period")
    period: str | None = Field(default=None, description="2026-11-21, 2026-W47 or 2026-11; default: the latest")
    view: Literal["merged", "batch", "speed"] = Field(default="merged", description="which layers answer")
    by: Literal["litres", "index", "driver"] = Field(default="litres", description="L/100 km, or an index")
    order: Literal["best", "worst"] = Field(default="best", description="which come first")
    limit: int = Field(default=20, ge=1, le=500, description="places at most")


class AlertsAsked(ClientSettings):
    """Show alerts, the newest first; with --follow each change as it comes."""

    follow: bool = Field(default=False, description="go on showing what comes, until Ctrl-C")
    vehicle_id: str | None = Field(default=None, description="of this vehicle only")
    rule: str | None = Field(default=None, description="of this rule only")
    severity: Severity | None = Field(default=None, description="of this severity only")
    fleet: str | None = Field(default=None, description="of this fleet only; not with --follow")
    open: bool = Field(default=False, description="only open ones; not with --follow")
    limit: int = Field(default=20, ge=1, le=500, description="alerts at most; not with --follow")


class RouteAsked(ClientSettings):
    """Show the cheapest way between two places, and the other ways beside it."""

    start: CliPositionalArg[str] = Field(description="where from: LATITUDE,LONGITUDE, a street, or two streets with &")
    end: CliPositionalArg[str] = Field(description="where to")
    by: Literal["fuel", "time", "distance"] = Field(default="fuel", description="cheapest by what")
    vehicle_class: VehicleClass = Field(default="medium", description="by mass")
    time_of_day: TimeOfDay = Field(default="all", description="when")


class AddKey(BaseSettings):
    """Make an API key and print it, this once."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_prefix="API_")

    name: CliPositionalArg[str] = Field(min_length=1, max_length=100, description="whose key it is")
    role: Role = Field(default="viewer", description="viewer asks, operator also acts on alerts, admin does the rest")
    positions: bool = Field(default=False, description="let a viewer see where vehicles are; the other roles do")
    keys: Path = _KEYS
    audit: Path = _AUDIT


class ListKeys(BaseSettings):
    """Show the keys: names, roles, when they were made and revoked."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_prefix="API_")

    keys: Path = _KEYS


class RevokeKey(BaseSettings):
    """End a key; a running API refuses it at once."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_prefix="API_")

    name: CliPositionalArg[str] = Field(description="whose key it is")
    keys: Path = _KEYS
    audit: Path = _AUDIT


class KeysSettings(BaseSettings):
    """API keys: `add`, `list`, `revoke`."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_prefix="API_")

    add: CliSubCommand[AddKey]
    list: CliSubCommand[ListKeys]
    revoke: CliSubCommand[RevokeKey]


class ApiSettings(BaseSettings):
    """The serving side: `serve` answers, `projector` fills the store; `attention`, `ranking`, `alerts`, `route` ask."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        env_prefix="API_",
        cli_prog_name="api",
        cli_kebab_case=True,
        cli_implicit_flags=True,
    )

    attention: CliSubCommand[AttentionAsked]
    ranking: CliSubCommand[RankingAsked]
    alerts: CliSubCommand[AlertsAsked]
    route: CliSubCommand[RouteAsked]
    serve: CliSubCommand[ServeSettings]
    projector: CliSubCommand[ProjectorSettings]
    notifier: CliSubCommand[NotifierSettings]
    keys: CliSubCommand[KeysSettings]
    erase: CliSubCommand[EraseSettings]
