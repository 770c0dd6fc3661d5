"""How every program reaches Kafka where the brokers demand it: TLS and SASL, set once in the environment for all.

Passwords do not belong on a command line, and programs that talk to one broker need no different ones: so no flags.
"""

from __future__ import annotations

import ssl
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from contracts.errors import InvalidInput


class KafkaSecurity(BaseSettings):
    """Security of the connection to Kafka, of all programs: variables that begin with KAFKA_."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_prefix="KAFKA_")

    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        default="PLAINTEXT", description="SSL: encrypted; SASL_SSL: encrypted, with user and password"
    )
    ca_file: Path | None = Field(
        default=None, description="certificates (PEM) that the brokers' are checked with; default: the system's"
    )
    cert_file: Path | None = Field(default=None, description="the client's certificate (PEM), where brokers demand one")
    key_file: Path | None = Field(default=None, description="the key (PEM) of `cert_file`")
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        default="SCRAM-SHA-512", description="how user and password are proved"
    )
    username: str | None = Field(default=None, description="user, for SASL")
    password: SecretStr | None = Field(default=None, description="password, for SASL")
    password_file: Path | None = Field(default=None, description="file that holds the password instead")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.uses_sasl and (self.username is None or (self.password is None and self.password_file is None)):
            raise ValueError("SASL needs KAFKA_USERNAME, and KAFKA_PASSWORD or KAFKA_PASSWORD_FILE")
        for name in ("ca_file", "cert_file", "key_file", "password_file"):
            file = getattr(self, name)
            if file is not None and not file.is_file():
                raise ValueError(f"KAFKA_{name.upper()} names {file}, which is no file")
        return self

    @property
    def uses_sasl(self) -> bool:
        """Tell whether a user is proved."""
        return self.security_protocol.startswith("SASL")

    @property
    def uses_tls(self) -> bool:
        """Tell whether the connection is encrypted."""
        return self.security_protocol.endswith("SSL")

    def secret(self) -> str:
        """Give the password."""
        if self.password is not None:
            return self.password.get_secret_value()
        return self.password_file.read_text(encoding="utf-8").strip() if self.password_file else ""


@lru_cache(maxsize=1)
def kafka_security() -> KafkaSecurity:
    """Read the variables, once a process. Raises InvalidInput, which names the variable and the remedy."""
    try:
        return KafkaSecurity()
    except ValidationError as error:
        first = error.errors()[0]
        name = f"KAFKA_{str(first['loc'][0]).upper()}: " if first["loc"] else ""
        raise InvalidInput(f"{name}{first['msg'].removeprefix('Value error, ')}; see docs/security.md") from None


def kafka_client(bootstrap: str) -> dict[str, Any]:
    """Give what every aiokafka client is made with: the brokers' addresses, and how they are reached."""
    return {"bootstrap_servers": bootstrap, **kafka_credentials()}


def kafka_credentials() -> dict[str, Any]:
    """Give how aiokafka reaches the brokers, without their addresses. Raises InvalidInput."""
    security = kafka_security()
    given: dict[str, Any] = {"security_protocol": security.security_protocol}
    if security.uses_tls:
        given["ssl_context"] = _tls(security)
    if security.uses_sasl:
        given |= {
            "sasl_mechanism": security.sasl_mechanism,
            "sasl_plain_username": security.username,
            "sasl_plain_password": security.secret(),
        }
    return given


def _tls(security: KafkaSecurity) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=security.ca_file)
        if security.cert_file is not None:
            context.load_cert_chain(security.cert_file, security.key_file)
    except ssl.SSLError as error:
        raise InvalidInput(f"KAFKA_CA_FILE or KAFKA_CERT_FILE cannot be used: {error}; they must be PEM") from error
    return context
