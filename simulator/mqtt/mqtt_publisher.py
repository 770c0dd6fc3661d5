"""The fleet over MQTT: every car on topics of its own, many cars on a few connections."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Iterable, Sequence
from typing import Final

import aiomqtt

from contracts.codec import encode
from contracts.errors import Unavailable
from contracts.mqtt_topics import topic_of
from contracts.partitioning import partition_of_key
from contracts.snapshot import Snapshot, check_picture, to_headers
from contracts.topics import READING_PARTITIONS
from contracts.vehicle import Vehicle
from observability.metrics import READINGS_PRODUCED
from simulator.mqtt.door import MqttDoor
from simulator.mqtt.link import Link, Published

log = logging.getLogger(__name__)

_RETRY_S: Final = 0.5
_ACKNOWLEDGED: Final = READINGS_PRODUCED.labels("simulator")


class MqttPublisher:
    """Publishes readings, registry records and snapshots; a car always on the same connection, so in its order."""

    def __init__(self, door: MqttDoor, *, connections: int, in_flight: int) -> None:
        """Connect nothing yet; at most `in_flight` messages a connection are on their way at a time."""
        self._door = door
        name = f"simulator-{secrets.token_hex(4)}"
        self._links = [Link(door, identifier=f"{name}-{number}", in_flight=in_flight) for number in range(connections)]
        self.acknowledged = 0
        self.unheard = 0
        """Readings that the broker took while nobody was subscribed to them, and let go."""

    async def start(self, wait_s: float) -> None:
        """Connect, within `wait_s` seconds. Raises Unavailable, or InvalidInput when the cars are not let in."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + wait_s
        for link in self._links:
            while True:
                try:
                    await link.start()
                    break
                except aiomqtt.MqttError as error:
                    if clock() >= deadline:
                        raise Unavailable(
                            f"no MQTT broker at {self._door.place} within {wait_s:g} s ({error}); "
                            "start one, as `mosquitto`, or name another by --mqtt; where it wants TLS or a "
                            "certificate, give --mqtt-tls, --mqtt-ca, --mqtt-certificate"
                        ) from error
                await asyncio.sleep(_RETRY_S)

    async def register(self, vehicles: Iterable[Vehicle]) -> None:
        """Publish registry records, retained: a gateway that comes later is given them too."""
        for vehicle in vehicles:
            topic = topic_of(vehicle.vehicle_id, "registry")
            await self._link(vehicle.vehicle_id.encode()).publish(
                Published(topic, encode(vehicle), lambda _: None, is_retained=True)
            )
        await self._flush()

    async def send(self, partition: int, keys: Sequence[bytes], values: Sequence[bytes]) -> None:
        """Publish readings of one partition's cars in their order; waits while the broker is behind."""
        link = self._links[partition % len(self._links)]
        for key, value in zip(keys, values, strict=True):
            await link.publish(Published(topic_of(key.decode(), "readings"), value, self._settled))

    async def send_snapshot(self, snapshot: Snapshot, picture: bytes) -> None:
        """Publish a picture, its facts as user properties. Raises SnapshotRefused for one that must not be sent."""
        check_picture(snapshot.vehicle_id, picture)
        topic = topic_of(snapshot.vehicle_id, "snapshots")
        facts = [(name, value.decode()) for name, value in to_headers(snapshot)]
        await self._link(snapshot.vehicle_id.encode()).publish(
            Published(topic, picture, lambda _: None, properties=facts)
        )

    def _link(self, key: bytes) -> Link:
        return self._links[partition_of_key(key, READING_PARTITIONS) % len(self._links)]

    def _settled(self, is_heard: bool) -> None:  # noqa: FBT001 - a callback's only argument
        if is_heard:
            self.acknowledged += 1
            _ACKNOWLEDGED.inc()
            return
        if not self.unheard:
            log.warning("nobody takes what the cars publish, start the gateway", extra={"broker": self._door.place})
        self.unheard += 1

    async def flush(self) -> None:
        """Wait until everything is acknowledged; tell how much nobody took."""
        await self._flush()
        if self.unheard:
            log.warning("readings that nobody took are lost", extra={"readings": self.unheard})

    async def _flush(self) -> None:
        await asyncio.gather(*(link.flush() for link in self._links))

    async def close(self) -> None:
        """Disconnect."""
        await asyncio.gather(*(link.close() for link in self._links))
