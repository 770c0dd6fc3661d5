"""One reading as the rules see it: when it was, where it stood, what it carries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from contracts.reading import Reading, event_time_ms
from rules.expression import CHANGE

if TYPE_CHECKING:
    from contracts.alert import Evidence
    from contracts.vehicle import Vehicle
    from rules.expression import Expression, RegistryValues
    from rules.rule import Rule


@dataclass(frozen=True, slots=True)
class Moment:
    """A driving reading with its place in the stream. `at_ms` is event time."""

    reading: Reading
    at_ms: int
    received_at_ms: int
    partition: int
    offset: int
    vehicle: Vehicle | None

    @classmethod
    def of(
        cls, reading: Reading, *, received_at_ms: int, partition: int, offset: int, vehicle: Vehicle | None
    ) -> Moment:
        """Make the moment of a reading."""
        return cls(reading, event_time_ms(reading, received_at_ms), received_at_ms, partition, offset, vehicle)

    def carries(self, rule: Rule) -> bool:
        """Tell whether the reading has every signal that the rule reads."""
        reading = self.reading
        for name in rule.optional_signals:  # noqa: SIM110 - a generator costs three times as much
            if getattr(reading, name) is None:
                return False
        return True

    def registry(self, rule: Rule) -> RegistryValues:
        """Give the registry values that the rule reads, None where they are not known."""
        return {name: getattr(self.vehicle, name, None) for name in rule.registry} if rule.registry else {}

    def evidence(self, rule: Rule, registry: RegistryValues) -> Evidence:
        """Give the signals that the rule reads, and the registry values as `vehicle.NAME`."""
        found: Evidence = {name: _plain(getattr(self.reading, name)) for name in rule.signals if name != "trip_s"}
        return found | {name if name == CHANGE else f"vehicle.{name}": value for name, value in registry.items()}


def holds(expression: Expression | None, moment: Moment, registry: RegistryValues) -> bool:
    """Evaluate a condition; an absent condition holds. One that divides by zero does not."""
    if expression is None:
        return True
    try:
        return bool(expression.holds(moment.reading, registry))
    except ArithmeticError:
        return False


def _plain(value: object) -> float | int | str | bool | list[float] | None:
    return list(value) if isinstance(value, tuple) else value  # type: ignore[return-value]
