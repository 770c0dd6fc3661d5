"""One connection to the MQTT broker that many cars share: in order, bounded in flight, made again when it is lost."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import aiomqtt
from aiomqtt.exceptions import MqttConnectError
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from contracts.errors import InvalidInput, Unavailable
from simulator.mqtt.door import MqttDoor

log = logging.getLogger(__name__)

_RETRY_S: Final = 0.5
_LONGEST_ABSENCE_S: Final = 60.0
_LONG_WAIT_S: Final = 2.0
_UNHEARD: Final = 16
"""MQTT 5: "no matching subscribers"; the broker has let the message go."""
_REFUSED: Final = 128
_NOT_LET_IN: Final = (134, 135)


@dataclass(frozen=True, slots=True)
class Published:
    """What is published once; `then` is told whether anybody was there to take it."""

    topic: str
    payload: bytes
    then: Callable[[bool], None]
    is_retained: bool = False
    properties: Sequence[tuple[str, str]] = ()


class Link:
    """Publishes with quality of service 1: what is not acknowledged when the connection is lost is sent again.

    After a minute without a broker, or a refusal, every call raises Unavailable.
    """

    def __init__(self, door: MqttDoor, *, identifier: str, in_flight: int) -> None:
        """Connect nothing yet."""
        self._door = door
        self._identifier = identifier
        self._in_flight = self._most = in_flight
        self._open: dict[int, Published] = {}
        self._client: aiomqtt.Client | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._failure: Unavailable | None = None
        self._moved = asyncio.Event()
        """Set at each acknowledgement, new connection and failure."""

    async def start(self) -> None:
        """Connect once. Raises aiomqtt.MqttError, and InvalidInput when the broker does not let the cars in."""
        await self._connect()
        self._keeper = asyncio.create_task(self._keep())

    async def _connect(self) -> None:
        client = self._door.client(self._identifier)
        self._listen(client)
        try:
            await client.__aenter__()
        except MqttConnectError as error:
            if getattr(error.rc, "value", error.rc) in _NOT_LET_IN:
                raise InvalidInput(
                    f"the MQTT broker at {self._door.place} does not let {self._door.username or 'nobody'} in "
                    f"({error}): give --mqtt-username and SIMULATOR_MQTT_PASSWORD of a user that it knows"
                ) from error
            raise
        self._client = client
        left, self._open = list(self._open.values()), {}
        for one in left:
            self._send(client, one)
        self._moved.set()

    def _listen(self, client: aiomqtt.Client) -> None:
        """Hear acknowledgements, and how many the broker takes at once: neither library minds the latter."""
        paho: Any = client._client  # noqa: SLF001 - aiomqtt awaits each message on its own, at five times the cost
        connected = paho.on_connect

        def on_connect(client: Any, data: Any, flags: Any, code: Any, properties: Any) -> None:
            self._most = min(self._in_flight, getattr(properties, "ReceiveMaximum", self._in_flight))
            connected(client, data, flags, code, properties)

        paho.on_connect = on_connect
        paho.on_publish = lambda _client, _data, number, code, _properties: self._settled(number, code)

    def _settled(self, number: int, code: Any) -> None:
        one = self._open.pop(number, None)
        if one is None:
            return
        if code.value >= _REFUSED:
            self._fail(
                f"the MQTT broker at {self._door.place} does not take {one.topic} ({code}): allow the user "
                f"{self._door.username or '(nobody)'} to publish there"
            )
            return
        one.then(code.value != _UNHEARD)
        self._moved.set()

    async def publish(self, one: Published) -> None:
        """Send when there is room in flight; in the order of the calls. Not yet acknowledged on return."""
        while self._client is None or len(self._open) >= self._most:
            await self._wait()
        self._raise_failure()
        self._send(self._client, one)

    def _send(self, client: aiomqtt.Client, one: Published) -> None:
        properties = None
        if one.properties:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            properties.UserProperty = list(one.properties)
        info = client._client.publish(  # noqa: SLF001
            one.topic, one.payload, qos=1, retain=one.is_retained, properties=properties
        )
        self._open[info.mid] = one

    async def flush(self) -> None:
        """Return once everything is acknowledged."""
        while self._open:
            await self._wait()
        self._raise_failure()

    async def _wait(self) -> None:
        self._raise_failure()
        self._moved.clear()
        try:
            await asyncio.wait_for(self._moved.wait(), _LONG_WAIT_S)
        except TimeoutError:
            waiting = {"broker": self._door.place, "unacknowledged": len(self._open)}
            log.warning("mqtt broker takes nothing, cars wait", extra=waiting)
        self._raise_failure()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _fail(self, message: str) -> None:
        self._failure = self._failure or Unavailable(message)
        self._moved.set()

    async def _keep(self) -> None:
        """Make the connection again whenever it is lost."""
        while self._failure is None:
            client = self._client
            if client is None:
                await self._reconnect()
                continue
            try:
                await anext(client.messages)  # nothing is subscribed to: only a loss ends this
            except aiomqtt.MqttError as error:
                self._client = None
                log.warning("mqtt broker is away", extra={"broker": self._door.place, "error": str(error)})
                with suppress(aiomqtt.MqttError):
                    await client.__aexit__(None, None, None)

    async def _reconnect(self) -> None:
        clock = asyncio.get_running_loop().time
        gives_up_s = clock() + _LONGEST_ABSENCE_S
        while clock() < gives_up_s:
            try:
                return await self._connect()
            except aiomqtt.MqttError:
                await asyncio.sleep(_RETRY_S)
            except InvalidInput as error:
                return self._fail(str(error))
        return self._fail(
            f"the MQTT broker at {self._door.place} has been away for {_LONGEST_ABSENCE_S:g} s "
            f"with {len(self._open)} messages not acknowledged"
        )

    async def close(self) -> None:
        """Disconnect."""
        if self._keeper is not None:
            self._keeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._keeper
        if self._client is not None:
            client, self._client = self._client, None
            with suppress(aiomqtt.MqttError):
                await client.__aexit__(None, None, None)
