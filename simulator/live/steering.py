"""Steering a fleet that drives: what the control asks, carried out between two ticks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import msgspec

from simulator.control.desk import (
    AlreadyThere,
    Change,
    Disturbing,
    FaultAsked,
    FaultTold,
    Impossible,
    NoSuchThing,
    State,
)
from simulator.faults.fault import FaultKind, Faults, PlannedFault
from simulator.live.live_fleet import LiveFleet
from simulator.live.pace import Pace
from simulator.live.way import Way
from simulator.transport.arrivals import Transport
from simulator.transport.disturbances import Disturbances, Knob
from simulator.vehicles.fleet import registry

ROOM: Final = 4
"""So many times the cars at the start may be asked for later, when nothing else is said."""


class Steering:
    """The wheel of one run. Nothing is steered within a tick: a tick does not wait for anything."""

    def __init__(
        self, live: LiveFleet, *, transport: Transport, publisher: Way, pace: Pace, write_truth: Callable[[], None]
    ) -> None:
        """Take what is steered; `write_truth` is called when a fault was cleared that had begun."""
        self._live = live
        self._faults: Faults = live.faults
        self._transport = transport
        self._publisher = publisher
        self._pace = pace
        self._write_truth = write_truth
        self._registered = live.active
        self._number = {vin.decode(): number for number, vin in enumerate(live.fleet.vehicle_id.tolist())}
        self._going = asyncio.Event()
        self._going.set()

    async def going(self, stop: asyncio.Event) -> None:
        """Wait while the fleet is paused, unless it stops; then event time goes on at what it would be."""
        if self._going.is_set():
            return
        clock = asyncio.get_running_loop().time
        began_s = clock()
        waiting = [asyncio.create_task(event.wait()) for event in (self._going, stop)]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
        self._live.skip(round((clock() - began_s) * 1000))

    def state(self) -> State:
        """Tell what there is."""
        live, vins = self._live, self._live.fleet.vehicle_id
        told = [
            FaultTold(vins[fault.vehicle].decode(), fault.kind, round(fault.severity, 3), fault.started_at_ms)
            for fault in self._faults.open
        ]
        waiting = [
            FaultTold(vins[planned.vehicle].decode(), planned.kind, 0.0, None) for planned in self._faults.waiting
        ]
        return State(
            vehicles=live.active,
            most_vehicles=len(live.fleet),
            rate=round(1000 / live.interval_ms, 3),
            paused=not self._going.is_set(),
            driving=int(live.cars.running.sum()),
            readings_produced=self._publisher.acknowledged,
            event_time_ms=live.next_ms,
            behind_s=round(self._pace.now_s, 1),
            faults=told + waiting,
            disturbances=_told(self._transport.disturbances),
        )

    async def change(self, wanted: Change) -> None:
        """Change what is asked for, all or nothing."""
        disturbances = self._disturbed(wanted.disturbances)
        if wanted.vehicles is not None:
            await self._set_vehicles(wanted.vehicles)
        if wanted.rate is not None:
            self._live.set_rate(wanted.rate)
        self._transport.disturbances = disturbances
        self._pace.asked(vehicles=self._live.active, rate_hz=1000 / self._live.interval_ms)
        if wanted.paused is not None:
            (self._going.clear if wanted.paused else self._going.set)()

    async def _set_vehicles(self, wanted: int) -> None:
        most = len(self._live.fleet)
        if wanted > most:
            raise Impossible(f"vehicles: {wanted} are more than {most}; start the fleet with a larger --most-vehicles")
        if wanted > self._registered:
            await self._publisher.register(registry(self._live.fleet)[self._registered : wanted])
            self._registered = wanted
        self._live.active = wanted

    def _disturbed(self, wanted: dict[str, object] | None) -> Disturbances:
        now = self._transport.disturbances
        if not wanted:
            return now
        known = Disturbing.__struct_fields__
        if unknown := [name for name in wanted if name not in known]:
            raise Impossible(f"disturbances: no {unknown[0]}; there are {', '.join(known)}")
        try:
            told = msgspec.convert(msgspec.structs.asdict(_told(now)) | wanted, Disturbing)
        except msgspec.ValidationError as error:
            raise Impossible(f"disturbances: {error}") from error
        return _knobs(told, now)

    def begin_fault(self, wanted: FaultAsked) -> None:
        """Let a fault begin when the car next drives."""
        vehicle = self._vehicle(wanted.vehicle_id)
        ill = {(fault.vehicle, fault.kind) for fault in self._faults.open}
        ill |= {(planned.vehicle, planned.kind) for planned in self._faults.waiting}
        if (vehicle, wanted.fault) in ill:
            raise AlreadyThere(f"{wanted.vehicle_id} has {wanted.fault} already; clear it first")
        planned = PlannedFault(vehicle, wanted.fault, 0.0, wanted.growth_s, wanted.repair_s, wanted.severity)
        self._faults.plan(planned)

    def clear_fault(self, vehicle_id: str, fault: FaultKind) -> None:
        """Repair a fault, or forget one that waits."""
        if not self._faults.clear(self._vehicle(vehicle_id), fault, self._live.next_ms):
            raise NoSuchThing(f"{vehicle_id} has no {fault}")
        self._write_truth()

    def _vehicle(self, vehicle_id: str) -> int:
        number = self._number.get(vehicle_id)
        if number is None or number >= self._live.active:
            raise NoSuchThing(f"{vehicle_id} is not in the fleet")
        return number


def _told(disturbances: Disturbances) -> Disturbing:
    return Disturbing(
        late=disturbances.late.amount,
        late_by_s=disturbances.late_by_s,
        duplicated=disturbances.duplicated.amount,
        reordered=disturbances.reordered.amount,
        reordered_within_s=disturbances.reordered_within_s,
        lost=disturbances.lost.amount,
        malformed=disturbances.malformed.amount,
        tunnel_rate=disturbances.tunnel.amount,
        tunnel_for_s=disturbances.tunnel_s,
    )


def _knobs(told: Disturbing, before: Disturbances) -> Disturbances:
    """Turn the knobs; each keeps its seed, and the clocks stay as wrong as they are."""
    return Disturbances(
        late=Knob(told.late, before.late.seed),
        late_by_s=told.late_by_s,
        duplicated=Knob(told.duplicated, before.duplicated.seed),
        reordered=Knob(told.reordered, before.reordered.seed),
        reordered_within_s=told.reordered_within_s,
        lost=Knob(told.lost, before.lost.seed),
        malformed=Knob(told.malformed, before.malformed.seed),
        clock_skew=before.clock_skew,
        tunnel=Knob(told.tunnel_rate, before.tunnel.seed),
        tunnel_s=told.tunnel_for_s,
    )
