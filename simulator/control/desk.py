"""What can be asked of a running fleet, and what it tells of itself: bodies of the requests and answers."""

from __future__ import annotations

from typing import Annotated, Any, Final, Protocol

import msgspec

from contracts.errors import ConnectedCarsError
from simulator.faults.fault import EXPECTED_RULE, FAULT_KINDS, FaultKind

SLOWEST_HZ: Final = 0.001
FASTEST_HZ: Final = 50.0
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Seconds = Annotated[float, msgspec.Meta(gt=0, le=86_400)]


class Disturbing(msgspec.Struct, frozen=True):
    """The transport's knobs that can be turned while cars drive; not their clocks, as a trip keeps its begin."""

    late: Share = 0.0
    late_by_s: Seconds = 60.0
    duplicated: Share = 0.0
    reordered: Share = 0.0
    reordered_within_s: Seconds = 10.0
    lost: Share = 0.0
    malformed: Share = 0.0
    tunnel_rate: Annotated[float, msgspec.Meta(ge=0, le=3600)] = 0.0
    """Tunnels in an hour, per car."""
    tunnel_for_s: Seconds = 60.0


class FaultKindTold(msgspec.Struct, frozen=True):
    """A kind of fault, and the rule that is expected to raise an alert for it; null where none must."""

    fault: FaultKind
    rule: str | None


class FaultTold(msgspec.Struct, frozen=True):
    """A fault that is open, or waits until its car drives (`started_at_ms` is null then)."""

    vehicle_id: str
    fault: FaultKind
    severity: float
    started_at_ms: int | None


class State(msgspec.Struct, frozen=True):
    """A running fleet."""

    vehicles: int
    most_vehicles: int
    rate: float
    """Readings a car sends in a second of driving."""
    paused: bool
    driving: int
    """Cars on a trip."""
    readings_produced: int
    event_time_ms: int
    behind_s: float
    faults: list[FaultTold]
    disturbances: Disturbing
    fault_kinds: list[FaultKindTold] = msgspec.field(
        default_factory=lambda: [FaultKindTold(kind, EXPECTED_RULE[kind]) for kind in FAULT_KINDS]
    )


class Change(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to change; what is left out stays. Of the disturbances only those that are named change."""

    vehicles: Annotated[int, msgspec.Meta(ge=1)] | None = None
    rate: Annotated[float, msgspec.Meta(ge=SLOWEST_HZ, le=FASTEST_HZ)] | None = None
    paused: bool | None = None
    disturbances: dict[str, Any] | None = None


class FaultAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A fault to begin as soon as the car drives; it stays until it is cleared, or for `repair_s` once full grown."""

    vehicle_id: str
    fault: FaultKind
    severity: Annotated[float, msgspec.Meta(gt=0, le=1)] = 1.0
    growth_s: Seconds = 15.0
    repair_s: Seconds | None = None


class NoSuchThing(ConnectedCarsError):
    """A vehicle that is not in the fleet, or a fault that is not there."""


class AlreadyThere(ConnectedCarsError):
    """A fault that the vehicle has already."""


class Impossible(ConnectedCarsError):
    """A value that has the right form and cannot be had."""


class Steered(Protocol):
    """A fleet that can be steered; every call takes effect at its next tick. All may raise the three errors above."""

    def state(self) -> State:
        """Tell what there is."""

    async def change(self, wanted: Change) -> None:
        """Change number, rate, pause, disturbances; all or nothing."""

    def begin_fault(self, wanted: FaultAsked) -> None:
        """Let a fault begin."""

    def clear_fault(self, vehicle_id: str, fault: FaultKind) -> None:
        """Repair a fault, or forget one that waits."""
