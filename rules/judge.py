"""What the rules say at one reading of a watched vehicle, and what that costs it and its partition."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from contracts.vehicle_state import Charge
from rules.evaluation import evaluate
from rules.followed import CLOCK_SET_BACK_MS
from rules.healthy import healthy_filter, met_rules
from rules.limits import CHANGE_WORK_US, charge, remember, set_apart, take_back, work_left_us
from rules.progress import apart_alert
from rules.trend import sample

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from contracts.alert import Alert
    from contracts.vehicle import Vehicle
    from contracts.vehicle_state import VehicleState
    from rules.limits import SharedWork
    from rules.moment import Moment
    from rules.rule import Rules


@dataclass(slots=True)
class _Spent:
    """What one reading has cost."""

    work_us: int = 0
    code_work_us: int = 0


class Judge:
    """Lets the rules look at the vehicles of one partition, each within its share.

    `clock_ms` is the partition's clock at the reading, epoch milliseconds of broker time.
    """

    def __init__(self, rules: Rules, *, registry: Mapping[str, Vehicle], work: SharedWork) -> None:
        """Go on from what the partition's vehicles have cost so far."""
        self.work = work
        self.codes_waiting = 0
        """Trouble codes that had to wait, as the partition had told many: each once for each reading."""
        self._rules = rules
        self._registry = registry
        self._is_healthy = healthy_filter(rules)
        self._met = met_rules(rules)

    def alerts(self, state: VehicleState, moment: Moment, *, clock_ms: int) -> list[Alert]:
        """Look at a vehicle's newest reading, unless the vehicle is set apart; return the alerts that it causes."""
        spent = _Spent()
        alerts = self._taken_back(state, moment, spent, clock_ms)
        if state.apart is not None:
            return alerts
        is_due = _is_due(moment.reading.recorded_at_ms, state.sample_due_ms, moment.received_at_ms)
        if state.episodes or not self._is_healthy(moment.reading, self._registry):
            alerts += self._evaluated(state, moment, spent, clock_ms)
        if is_due:
            alerts += self._sampled(state, moment, spent)
        return [*alerts, *self._charged(state, moment, spent, clock_ms)]

    def sampled(self, state: VehicleState, moment: Moment, *, clock_ms: int) -> list[Alert]:
        """Take a sample of a healthy reading; return the alerts that it causes."""
        spent = _Spent()
        alerts = self._sampled(state, moment, spent)
        return [*alerts, *self._charged(state, moment, spent, clock_ms)]

    def count_again(self, state: VehicleState, offset: int, *, clock_ms: int) -> None:
        """Charge the partition for a reading that the vehicle's state has, and the mark has not."""
        for paid in state.charges:
            if paid.offset == offset:
                self.work.add(clock_ms, paid)

    def _taken_back(self, state: VehicleState, moment: Moment, spent: _Spent, clock_ms: int) -> list[Alert]:
        """Judge a vehicle again that was set apart and has calmed."""
        if state.apart is None or work_left_us(state, moment.received_at_ms) > self.work.calm_us(clock_ms):
            return []
        spent.work_us += CHANGE_WORK_US
        return [apart_alert(*take_back(state, moment), self._rules, moment)]

    def _evaluated(self, state: VehicleState, moment: Moment, spent: _Spent, clock_ms: int) -> list[Alert]:
        met = self._met(moment.reading, self._registry)
        told = evaluate(state, self._rules, moment, met=met, code_room=self.work.room(clock_ms))
        self.codes_waiting += told.codes_waiting
        spent.work_us += told.work_us
        spent.code_work_us += told.code_changes * CHANGE_WORK_US
        return told.alerts

    def _sampled(self, state: VehicleState, moment: Moment, spent: _Spent) -> list[Alert]:
        alerts = sample(state, self._rules, moment)
        spent.work_us += charge(state, moment.received_at_ms, changes=len(alerts))
        return alerts

    def _charged(self, state: VehicleState, moment: Moment, spent: _Spent, clock_ms: int) -> Sequence[Alert]:
        """Charge the partition for a reading; set its vehicle apart if its readings have cost more than its share."""
        alerts: list[Alert] = []
        if work_left_us(state, moment.received_at_ms) > self.work.most_us(clock_ms):
            spent.work_us += CHANGE_WORK_US
            alerts.append(apart_alert(*set_apart(state, moment), self._rules, moment))
        if spent.work_us:
            paid = Charge(moment.offset, spent.work_us, spent.code_work_us)
            self.work.add(clock_ms, paid)
            remember(state, paid)
        return alerts


def _is_due(recorded_at_ms: int, due_ms: int, received_at_ms: int) -> bool:
    """Tell whether a sample is due, by event time."""
    return min(recorded_at_ms, received_at_ms) >= due_ms or recorded_at_ms < due_ms - CLOCK_SET_BACK_MS
