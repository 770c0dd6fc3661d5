"""Records that say what cannot be: counted, told once, and passed over."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from observability import metrics

if TYPE_CHECKING:
    from contracts.errors import MalformedRecord

log = logging.getLogger(__name__)


class PassedOver:
    """Tells the first record of each topic, partition and flaw, so that a flood of them fills no log."""

    def __init__(self) -> None:
        """Start with nothing told."""
        self._told: set[tuple[str, int, str]] = set()

    def tell(self, topic: str, partition: int, offset: int, error: MalformedRecord) -> None:
        """Count a record, and log it if it is the first of its kind."""
        metrics.RECORDS_PASSED_OVER.labels(topic).inc()
        kind = (topic, partition, error.flaw)
        if kind in self._told:
            return
        self._told.add(kind)
        where = {"topic": topic, "partition": partition, "offset": offset}
        log.warning("record passed over", extra=where | {"flaw": error.flaw, "reason": str(error)})
