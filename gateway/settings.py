"""The gateway's settings, made once at the entry point. Environment variables begin with GATEWAY_."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from observability.addresses import Bootstrap, MqttAddress

_A_WEEK_S = 7 * 24 * 3600


class GatewaySettings(BaseSettings):
    """Take what cars publish over MQTT to Kafka, until stopped."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_", extra="forbid", frozen=True, cli_kebab_case=True)

    mqtt: MqttAddress = Field("127.0.0.1", description="address of the MQTT broker; port 1883, or 8883 with --tls")
    username: str | None = Field(None, description="user at the MQTT broker")
    password: SecretStr | None = Field(None, description="password there; better given by the variable")
    tls: bool = Field(default=False, description="speak TLS to the MQTT broker")
    tls_ca: Path | None = Field(
        None, description="file with the authority that signed its certificate; default: the system's"
    )
    tls_certificate: Path | None = Field(None, description="file with the gateway's own certificate, and its key")
    client_id: str = Field(
        "gateway", min_length=1, description="name of the session that the MQTT broker keeps; one gateway a name"
    )
    share: str = Field(
        "", pattern="^[^/+#]*$", description="name of a shared subscription, for several gateways; empty: not shared"
    )
    session_expiry: int = Field(
        _A_WEEK_S, ge=0, le=2**32 - 2, description="seconds for which the MQTT broker keeps messages for a gateway away"
    )
    in_flight: int = Field(
        4_000,
        ge=1,
        le=65_535,
        description="most messages taken that Kafka does not have yet; the MQTT broker keeps the rest",
    )
    registry: bool = Field(default=True, description="take registry records too; off: only readings and snapshots")
    bootstrap: Bootstrap = Field("127.0.0.1:9092", description="address of the Kafka broker")
    wait: float = Field(15.0, ge=0, description="seconds to wait for both brokers and the topics at start")
    status_port: int = Field(0, ge=-1, le=65535, description="port of health and metrics; 0 any free one, -1 none")
