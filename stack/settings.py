"""The runner's settings, one class a command; made once, at the entry point. Variables begin with STACK_."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class BrokerSettings(BaseSettings):
    """Run a Kafka broker until Ctrl-C: one JVM process, broker and controller in one, on loopback."""

    model_config = SettingsConfigDict(env_prefix="STACK_", extra="forbid", frozen=True)

    port: int = Field(9092, ge=1, le=65535, description="where it listens; a free port is taken when this one is not")
    data: Path = Field(Path("var/kafka"), description="folder that keeps the topics")
    heap_mb: int = Field(512, ge=128, description="largest Java heap, in MB")


class TopicsSettings(BaseSettings):
    """Create every topic with its settings; those that exist are checked."""

    model_config = SettingsConfigDict(env_prefix="STACK_", extra="forbid", frozen=True)

    bootstrap: str = Field("127.0.0.1:9092", description="address of the Kafka broker")
    wait: float = Field(15.0, ge=0, description="seconds to wait for the broker")


class JarsSettings(BaseSettings):
    """Fetch the jars of the Kafka broker and of Spark's connectors into the user's cache, checksums verified."""

    model_config = SettingsConfigDict(env_prefix="STACK_", extra="forbid", frozen=True)


class JavaSettings(BaseSettings):
    """Print the JAVA_HOME that the broker and Spark are run with: `export JAVA_HOME=$(stack java)`."""

    model_config = SettingsConfigDict(env_prefix="STACK_", extra="forbid", frozen=True)
