"""Where actions go first: the topic alert-actions, so that a store that is built anew has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from api.kafka.producer import Outgoing
from contracts.codec import encode
from contracts.errors import Unavailable
from contracts.topics import ALERT_ACTIONS

if TYPE_CHECKING:
    from api.kafka.producer import KafkaWriter
    from contracts.alert import AlertAction


class ActionLog(Protocol):
    """What the routes need of it."""

    async def write(self, action: AlertAction) -> None:
        """Return when the action will not be lost. Raises Unavailable."""


class KafkaActionLog:
    """Writes to Kafka."""

    def __init__(self, writer: KafkaWriter) -> None:
        """Prepare."""
        self._writer = writer

    async def write(self, action: AlertAction) -> None:
        """Return when every replica in sync has the action. Raises Unavailable after 5 seconds."""
        key = f"{action.alert_id}:{action.action_id}".encode()
        try:
            await self._writer.write([Outgoing(ALERT_ACTIONS.name, key, encode(action))])
        except Unavailable as error:
            raise Unavailable(f"{error}; send the action again with action_id {action.action_id!r}") from error
