"""What the runner hears on the project's topics: alerts and rejections, each once however often it was written."""

from __future__ import annotations

from typing import NamedTuple

from contracts.alert import Alert
from contracts.rejection import Rejection


class HeardAlert(NamedTuple):
    """A change of an episode, and the broker's time of the first record that told it."""

    alert: Alert
    stored_at_ms: int


class Heard:
    """Alerts by (alert_id, change), rejections by source partition and offset: effects are repeated after a crash."""

    def __init__(self) -> None:
        """Start with nothing heard."""
        self._alerts: dict[tuple[str, int], HeardAlert] = {}
        self._rejected: dict[tuple[int, int], int] = {}

    def alert(self, alert: Alert, stored_at_ms: int) -> None:
        """Take one record of `engine-alerts`."""
        self._alerts.setdefault((alert.alert_id, alert.change), HeardAlert(alert, stored_at_ms))

    def rejection(self, rejected: Rejection) -> None:
        """Take one record of `rejected-readings`."""
        self._rejected[rejected.source_partition, rejected.source_offset] = rejected.number

    @property
    def alerts(self) -> list[HeardAlert]:
        """Every change, in the order heard."""
        return list(self._alerts.values())

    @property
    def rejected(self) -> int:
        """How many readings were rejected."""
        return sum(self._rejected.values())

    def count(self, state: str) -> int:
        """Give how many changes led to `state`: raised, escalated, cleared."""
        return sum(1 for each in self._alerts.values() if each.alert.state == state)
