"""What does not change while the program runs, and what one run did."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from roads import RoadNetwork


@dataclass(frozen=True, slots=True)
class Pins:
    """What does not change while the program runs, and stands in every manifest."""

    rules_text: str
    rules_hash: str
    code_version: str
    network: RoadNetwork | None = None
    """The roads that trips are matched to; None: no map matching."""


@dataclass(slots=True)
class Summary:
    """What a run did."""

    ingested: int = 0
    rejected: int = 0
    repeated: int = 0
    version: int | None = None
    """The version published, None when nothing was new."""
    days_computed: int | None = None
    """Days whose trips were computed anew, the others being taken from the version before; None: all days."""
    row_counts: dict[str, int] = field(default_factory=dict)
    stage_seconds: dict[str, float] = field(default_factory=dict)

    def fields(self) -> dict[str, object]:
        """Give one flat object, for a log line or a table."""
        told: dict[str, object] = {f"{name}_s": took for name, took in self.stage_seconds.items()}
        told |= {"ingested": self.ingested, "rejected": self.rejected, "repeated": self.repeated}
        told |= {"version": self.version, "days_computed": "all" if self.days_computed is None else self.days_computed}
        return told | self.row_counts
