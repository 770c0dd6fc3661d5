"""The MQTT broker, as the gateway reads from it: one session that the broker keeps, acknowledged by hand.

paho acknowledges as soon as a message is delivered to the program, and a message taken but not yet in Kafka would be
lost with it; so acknowledgement is by hand, and the session's receive maximum bounds what is taken meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final, cast

import aiomqtt
from aiomqtt.exceptions import MqttConnectError
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from contracts.errors import InvalidInput, Unavailable
from contracts.mqtt_topics import ROOT
from gateway.message import Message
from gateway.settings import GatewaySettings
from observability.addresses import host_and_port
from observability.metrics import MQTT_CONNECTIONS
from observability.tls import tls_context

log = logging.getLogger(__name__)

_RETRY_S: Final = 0.5
_REFUSED: Final = 128
"""MQTT 5 reason codes from here on are failures."""
_NOT_LET_IN: Final = (134, 135)
"""Bad user name or password; not authorized."""
_MOST_AT_ONCE: Final = 4_000


class Inbox(asyncio.Queue[aiomqtt.Message]):
    """What has come and waits. Messages that no car wants acknowledged are let go when too many wait."""

    def __init__(self, most_unacknowledged: int) -> None:
        """Keep at most this many when a message is of quality of service 0; the others the broker bounds."""
        super().__init__()
        self._most = most_unacknowledged

    def put_nowait(self, item: aiomqtt.Message) -> None:
        """Take a message, or let one of quality 0 go."""
        if item.qos or self.qsize() < self._most:
            super().put_nowait(item)


class Subscription:
    """The gateway's session. `some` and `acknowledge` take turns; `is_ready`: connected."""

    def __init__(self, settings: GatewaySettings) -> None:
        """Connect nothing yet. Raises InvalidInput when a TLS file cannot be used."""
        self._settings = settings
        self._host, self._port = host_and_port(settings.mqtt, is_tls=settings.tls)
        self._tls = None
        if settings.tls:
            flags = "--tls-ca and --tls-certificate"
            self._tls = tls_context(settings.tls_ca, settings.tls_certificate, flags=flags)
        self._client: aiomqtt.Client | None = None
        self._inbox = Inbox(settings.in_flight)
        self.is_ready = False

    async def start(self, wait_s: float) -> None:
        """Connect and subscribe, within `wait_s` seconds. Raises Unavailable, or InvalidInput when refused."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + wait_s
        while True:
            try:
                return await self._connect()
            except aiomqtt.MqttError as error:
                if clock() >= deadline:
                    raise Unavailable(
                        f"no MQTT broker at {self._host}:{self._port} within {wait_s:g} s ({error}); "
                        "start one, as `mosquitto`, or name another by --mqtt; where it wants TLS or a certificate, "
                        "give --tls, --tls-ca, --tls-certificate"
                    ) from error
            await asyncio.sleep(_RETRY_S)

    async def _connect(self) -> None:
        await self.close()
        self._inbox = Inbox(self._settings.in_flight)
        client = self._new_client()
        try:
            await client.__aenter__()
        except MqttConnectError as error:
            raise self._judged(error) from error
        self._client = client
        await self._subscribe(client)
        MQTT_CONNECTIONS.inc()
        self.is_ready = True

    def _new_client(self) -> aiomqtt.Client:
        settings, inbox = self._settings, self._inbox
        password = None if settings.password is None else settings.password.get_secret_value()
        client = aiomqtt.Client(
            self._host,
            self._port,
            identifier=settings.client_id,
            username=settings.username,
            password=password,
            protocol=aiomqtt.ProtocolVersion.V5,
            clean_start=False,
            properties=_session(settings),
            tls_context=self._tls,
            queue_type=cast("type[asyncio.Queue[aiomqtt.Message]]", lambda **_: inbox),
        )
        _paho(client).manual_ack_set(on=True)
        return client

    def _judged(self, error: MqttConnectError) -> InvalidInput | MqttConnectError:
        """Tell a refusal that waiting does not mend from one that it may."""
        if _value(error.rc) in _NOT_LET_IN:
            return InvalidInput(
                f"the MQTT broker at {self._host}:{self._port} does not let {self._settings.username or 'nobody'} in "
                f"({error}): give --username and GATEWAY_PASSWORD of a user that it knows"
            )
        return error

    async def _subscribe(self, client: aiomqtt.Client) -> None:
        # Retained records come once, with a new subscription, not again at every connection.
        options = SubscribeOptions(qos=1, retainHandling=SubscribeOptions.RETAIN_SEND_IF_NEW_SUB)
        wanted = [(name, options) for name in filters(share=self._settings.share, registry=self._settings.registry)]
        granted = await client.subscribe(wanted)
        refused = [name for (name, _), code in zip(wanted, granted, strict=True) if _value(code) >= _REFUSED]
        if refused:
            raise InvalidInput(
                f"the MQTT broker at {self._host}:{self._port} does not let {self._settings.username or 'nobody'} read "
                f"{', '.join(refused)}: allow it in the broker's access control list"
            )

    async def some(self) -> list[Message]:
        """Wait for messages and give all that are there, oldest first; a lost connection is made again meanwhile."""
        while True:
            try:
                if self._client is None:
                    await self._connect()
                return await self._received()
            except (aiomqtt.MqttError, InvalidInput) as error:
                log.warning("mqtt broker is away", extra={"broker": f"{self._host}:{self._port}", "error": str(error)})
                await self.close()
                await asyncio.sleep(_RETRY_S)

    @property
    def waiting(self) -> int:
        """How many messages have come that `some` has not given yet."""
        return self._inbox.qsize()

    async def _received(self) -> list[Message]:
        client = self._connected()
        found = [_message(await anext(client.messages))]
        while len(found) < _MOST_AT_ONCE and not self._inbox.empty():
            found.append(_message(self._inbox.get_nowait()))
        return found

    def acknowledge(self, messages: Iterable[Message]) -> None:
        """Tell the broker, in the order of arrival, that it need not keep them. Lost with a lost connection: they come
        again then.
        """  # noqa: D205 - one sentence
        paho = _paho(self._connected())
        for message in messages:
            if message.number:
                paho.ack(message.number, qos=1)

    def _connected(self) -> aiomqtt.Client:
        if self._client is None:
            raise RuntimeError("the subscription was not started")
        return self._client

    async def close(self) -> None:
        """Disconnect; the broker keeps the session."""
        self.is_ready = False
        if self._client is not None:
            client, self._client = self._client, None
            with suppress(aiomqtt.MqttError):
                await client.__aexit__(None, None, None)


def filters(*, share: str, registry: bool) -> list[str]:
    """Give what is subscribed to. Registry records are retained, and a shared subscription is sent none of those."""
    prefix = f"$share/{share}/" if share else ""
    own = [f"{ROOT}/+/registry"] if registry else []
    return [f"{prefix}{ROOT}/+/readings/#", f"{prefix}{ROOT}/+/snapshots", *own]


def _session(settings: GatewaySettings) -> Properties:
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = settings.session_expiry
    properties.ReceiveMaximum = settings.in_flight
    return properties


def _paho(client: aiomqtt.Client) -> Any:
    """Give the client within: aiomqtt has no acknowledgement by hand of its own."""
    return client._client  # noqa: SLF001


def _message(received: aiomqtt.Message) -> Message:
    payload = received.payload if isinstance(received.payload, bytes) else bytes(str(received.payload), "utf-8")
    number = received.mid if received.qos else 0
    given = getattr(received.properties, "UserProperty", ())
    return Message(received.topic.value, payload, number, tuple(given))


def _value(code: object) -> int:
    return int(getattr(code, "value", code))  # type: ignore[call-overload, no-any-return]
