"""The way that readings take from the fleet: straight to Kafka, or over MQTT as cars on the road send them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, Protocol

from contracts.snapshot import Snapshot
from contracts.vehicle import Vehicle
from simulator.mqtt.door import MqttDoor
from simulator.mqtt.mqtt_publisher import MqttPublisher
from simulator.settings import RunSettings
from simulator.transport.publisher import Publisher

_LEAST_PATIENCE_S: Final = 2.0
_MOST_PATIENCE_S: Final = 10.0


class Way(Protocol):
    """What the fleet needs of a way. Every call raises Unavailable once the way is broken."""

    @property
    def acknowledged(self) -> int:
        """How many readings have arrived."""

    async def start(self, wait_s: float) -> None:
        """Connect, within `wait_s` seconds."""

    async def register(self, vehicles: Iterable[Vehicle]) -> None:
        """Send registry records and wait until they have arrived."""

    async def send(self, partition: int, keys: Sequence[bytes], values: Sequence[bytes]) -> None:
        """Send readings of one partition's cars in their order; waits while the other end is behind."""

    async def send_snapshot(self, snapshot: Snapshot, picture: bytes) -> None:
        """Send a picture. Raises SnapshotRefused for one that must not be sent."""

    async def flush(self) -> None:
        """Wait until everything has arrived."""

    async def close(self) -> None:
        """Disconnect."""


def way(settings: RunSettings) -> Way:
    """Give the way that the settings ask for, not connected."""
    if settings.mqtt is None:
        return Publisher(settings.bootstrap)
    password = None if settings.mqtt_password is None else settings.mqtt_password.get_secret_value()
    door = MqttDoor(
        settings.mqtt,
        settings.mqtt_username,
        password,
        is_tls=settings.mqtt_tls or settings.mqtt_ca is not None or settings.mqtt_certificate is not None,
        ca=settings.mqtt_ca,
        certificate=settings.mqtt_certificate,
        patience_s=min(max(settings.wait, _LEAST_PATIENCE_S), _MOST_PATIENCE_S),
    )
    return MqttPublisher(door, connections=settings.mqtt_connections, in_flight=settings.mqtt_in_flight)
