"""The simulator's settings, one class a command, made once at the entry point; environment variables SIMULATOR_*."""

from __future__ import annotations

from pathlib import Path

from pydantic import AwareDatetime, Field, SecretStr
from pydantic_settings import BaseSettings, CliPositionalArg, SettingsConfigDict

from observability.addresses import Bootstrap, MqttAddress
from observability.duration import Duration, Wait
from simulator.transport.disturbances import Disturbances, Knob


class KafkaSettings(BaseSettings):
    """Where readings are sent; shared by every command."""

    model_config = SettingsConfigDict(
        env_prefix="SIMULATOR_",
        env_prefix_target="all",
        extra="forbid",
        frozen=True,
        populate_by_name=True,
        cli_kebab_case=True,
    )

    bootstrap: Bootstrap = Field("127.0.0.1:9092", description="address of the Kafka broker")
    wait: Wait = Field(15.0, description="how long to wait for the broker and its topics at start, as 15s")
    json_: bool = Field(default=False, alias="json", description="print the result as one line of JSON")


_LOGBOOK = Path("var/logbook.json")
_A_SEED = "seed of its draws; default: --seed"


class TransportSettings(KafkaSettings):
    """What the way to the broker does to readings. Each knob draws from a seed of its own and leaves the others be."""

    seed: int = Field(1, ge=0, le=999_999, description="the same seed gives the same fleet, byte for byte")
    late: float = Field(0.0, ge=0, le=1, description="share of readings that arrive late")
    late_by: Duration = Field(60.0, description="the longest that they are late, as 60s")
    late_seed: int | None = Field(None, ge=0, description=_A_SEED)
    duplicated: float = Field(0.0, ge=0, le=1, description="share of readings that arrive twice")
    duplicated_seed: int | None = Field(None, ge=0, description=_A_SEED)
    reordered: float = Field(0.0, ge=0, le=1, description="share of readings that later ones overtake")
    reordered_within: Duration = Field(10.0, description="the longest that they fall behind, as 10s")
    reordered_seed: int | None = Field(None, ge=0, description=_A_SEED)
    lost: float = Field(
        0.0, ge=0, le=1, description="share of readings that never arrive; a trip's last one always does"
    )
    lost_seed: int | None = Field(None, ge=0, description=_A_SEED)
    malformed: float = Field(0.0, ge=0, le=1, description="share of readings whose bytes are damaged on the way")
    malformed_seed: int | None = Field(None, ge=0, description=_A_SEED)
    clock_skew: Wait = Field(0.0, description="the most that a car's clock is wrong, to either side, as 30s")
    clock_skew_seed: int | None = Field(None, ge=0, description=_A_SEED)
    tunnel_rate: float = Field(
        0.0, ge=0, description="tunnels in an hour, per car: readings are stored, then forwarded"
    )
    tunnel_for: Duration = Field(60.0, description="how long a tunnel lasts, as 60s")
    tunnel_seed: int | None = Field(None, ge=0, description=_A_SEED)

    def disturbances(self) -> Disturbances:
        """Give the knobs as the transport takes them."""

        def knob(amount: float, seed: int | None) -> Knob:
            return Knob(amount, self.seed if seed is None else seed)

        return Disturbances(
            late=knob(self.late, self.late_seed),
            late_by_s=self.late_by,
            duplicated=knob(self.duplicated, self.duplicated_seed),
            reordered=knob(self.reordered, self.reordered_seed),
            reordered_within_s=self.reordered_within,
            lost=knob(self.lost, self.lost_seed),
            malformed=knob(self.malformed, self.malformed_seed),
            clock_skew=knob(self.clock_skew, self.clock_skew_seed),
            tunnel=knob(self.tunnel_rate, self.tunnel_seed),
            tunnel_s=self.tunnel_for,
        )


class FleetSettings(TransportSettings):
    """Which fleet, and what breaks in it."""

    vehicles: int = Field(200, ge=1, le=1_000_000, description="cars in the fleet")
    fault_rate: float = Field(0.0, ge=0, description="faults that begin in an hour of driving, per car")
    fault_growth: Duration = Field(15.0, description="from a fault's onset until it is full grown, as 15s or 10m")
    fault_repair: Duration = Field(90.0, description="from full growth to repair: this at least, twice this at most")
    roads: str = Field(
        "denver",
        description="denver, generated (a city made from --seed), or a folder with vertices.csv and edges.csv",
    )
    city_segments: int = Field(4000, ge=8, le=200_000, description="how many segments a generated city has")
    gps_noise: float = Field(
        5.0, ge=0, le=100, description="root mean square of the error of positions on the ground, in metres"
    )
    driven: Path | None = Field(
        None, description="file for the segments that each trip was driven on, one JSON object a line"
    )
    logbook: Path | None = Field(
        None,
        description="file that keeps odometers, so that the next run's read no lower; default: var/logbook.json, "
        "or none where the event time is given",
    )
    faults: Path | None = Field(None, description="TOML script of faults, in addition to the drawn ones")
    truth: Path | None = Field(None, description="file to which the injected faults are added, one JSON object a line")

    def logbook_file(self, *, is_now: bool) -> Path | None:
        """Give the logbook's file. Where the event time is not now, the flags alone say what the readings are."""
        return _LOGBOOK if self.logbook is None and is_now else self.logbook


class RunSettings(FleetSettings):
    """Drive the fleet now, in real time, until --for has passed or Ctrl-C; then every car turns its engine off."""

    fault_rate: float = Field(1.0, ge=0, description="faults that begin in an hour of driving, per car")
    rate: float = Field(1.0, ge=0.001, le=50, description="readings a car sends in a second of driving")
    rhythm: bool = Field(
        default=False,
        description="drive as many cars as at that hour of the city's day; off: nearly all of them, at any hour",
    )
    for_: Duration | None = Field(
        None, alias="for", description="how long to run, as 90s or 5m; default: until stopped"
    )
    start: AwareDatetime | None = Field(None, description="event time of the first reading, ISO 8601; default: now")
    mqtt: MqttAddress | None = Field(
        None, description="publish over MQTT to this broker, host or host:port, for `gateway run`; default: to Kafka"
    )
    mqtt_username: str | None = Field(None, description="user of the cars at the MQTT broker")
    mqtt_password: SecretStr | None = Field(None, description="password there; better given by the variable")
    mqtt_tls: bool = Field(default=False, description="speak TLS to the MQTT broker; port 8883, when none is given")
    mqtt_ca: Path | None = Field(
        None, description="file with the authority that signed its certificate, for TLS; default: the system's"
    )
    mqtt_certificate: Path | None = Field(None, description="file with the cars' own certificate, and its key")
    mqtt_connections: int = Field(4, ge=1, le=12, description="connections that the cars share")
    mqtt_in_flight: int = Field(
        500, ge=1, le=65_535, description="most messages a connection that the MQTT broker has not acknowledged"
    )
    dashcam: float = Field(0.0, ge=0, le=1, description="share of cars with a dashcam that takes pictures on events")
    dashcam_width: int = Field(640, ge=160, le=8192, description="width of its pictures in pixels; they are 16:9")
    dashcam_quality: int = Field(80, ge=1, le=100, description="JPEG quality of its pictures")
    control: int = Field(-1, ge=-1, le=65535, description="port of the control on loopback; 0 any free one, -1 none")
    most_vehicles: int | None = Field(
        None, ge=1, le=1_000_000, description="cars that the control may ask for; default: four times --vehicles"
    )
    status_port: int = Field(-1, ge=-1, le=65535, description="port of health and metrics; 0 any free one, -1 none")


class HistorySettings(FleetSettings):
    """Write the days before now, as fast as the broker takes them; all trips have ended."""

    days: float = Field(3.0, gt=0, le=30, description="days of history")
    limit: int = Field(500_000, ge=1000, description="most readings; the interval between readings follows from it")
    until: AwareDatetime | None = Field(None, description="event time before which all trips end; default: now")


class ReplaySettings(KafkaSettings):
    """Send recordings of a real car (CSV files) as its trips, one after the other."""

    files: CliPositionalArg[list[Path]] = Field(description="recordings, oldest trip first")
    mapping: Path | None = Field(
        None, description="TOML file that says which column is what, in which unit; default: that of carOBD recordings"
    )
    speed: float = Field(0.0, ge=0, description="1 as recorded, 10 ten times as fast, 0 as fast as it goes")
    vehicle: str | None = Field(None, description="VIN that the readings carry; default: the mapping's")
    start: AwareDatetime | None = Field(
        None, description="event time of the first trip, ISO 8601; default: the last ends by now"
    )
    set: list[str] = Field(
        default=[],
        description="change a signal, as coolant_c=112@120s+10s: 112 for 10 s, from 120 s into every trip; repeatable",
    )


class ScoreSettings(KafkaSettings):
    """Hold the alerts in Kafka against the truth about the faults; exit code 1 when too few were found."""

    truth: Path = Field(Path("var/truth.jsonl"), description="file that `simulator run --truth` wrote")
    slack: Wait = Field(120.0, description="an alert raised this long after a fault's end still belongs to it, as 120s")
    vehicle_hours: float | None = Field(
        None, gt=0, description="hours that all cars drove; default: added up from the readings in Kafka"
    )
    minimum_recall: float | None = Field(
        None, ge=0, le=1, description="least share of the faults that must have been found, as 0.95"
    )
