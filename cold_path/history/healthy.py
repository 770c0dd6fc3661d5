"""The healthy filter of `rules.healthy` over whole columns: which rows no rule need look at.

It may call a healthy reading unusual, never the other way round: a law in the tests says so.
"""

from __future__ import annotations

import ast
import operator
from functools import partial, reduce
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow.compute as pc

from rules.expression import ALWAYS_CARRIED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cold_path.history.rows import Rows, Truths
    from contracts.vehicle import Vehicle
    from rules import Rules
    from rules.expression import Expression

_COMPARED: Final[dict[type[ast.cmpop], Callable[[Any, Any], Any]]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.In: np.isin,
    ast.NotIn: lambda texts, choices: ~np.isin(texts, choices),
}
_COMPUTED: Final[dict[type[ast.operator], Callable[[Any, Any], Any]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: np.divide,
}
_CALLED: Final = {"min": np.minimum, "max": np.maximum}


def healthy_rows(rows: Rows, rules: Rules, registry: Mapping[str, Vehicle]) -> Truths:
    """Tell which rows have no trouble code and meet the level of no rule; nobody's rows are healthy, too."""
    columns = _Columns(rows, registry)
    healthy = _without_codes(rows)
    with np.errstate(all="ignore"):
        for rule in rules.levels:
            conditions = [c for c in (rule.level, rule.when) if c is not None]
            healthy &= ~reduce(operator.and_, (columns.met(condition) for condition in conditions))
    return healthy


def _without_codes(rows: Rows) -> Truths:
    column = rows.column("trouble_codes")
    if column is None or column.null_count == rows.count:
        return np.ones(rows.count, np.bool_)
    lengths = pc.fill_null(pc.list_value_length(column), 0)
    return np.asarray(lengths.to_numpy(zero_copy_only=False) == 0)


class _Columns:
    """What the conditions name, as columns, each made once."""

    def __init__(self, rows: Rows, registry: Mapping[str, Vehicle]) -> None:
        self._rows = rows
        self._vehicles = [registry.get(vehicle_id) for vehicle_id in rows.vehicles]
        self._made: dict[str, Any] = {}

    def met(self, condition: Expression) -> Truths:
        """Tell where a condition holds; nowhere where a signal or a registry value that it needs is missing."""
        found = np.broadcast_to(self._value(ast.parse(condition.text.strip(), mode="eval").body), self._rows.count)
        for signal in set(condition.signals) - ALWAYS_CARRIED:
            found = found & self._once(f"carries {signal}", partial(self._rows.carried, signal))
        for value in condition.registry:
            found = found & ~np.isnan(self._registered(value))
        return found

    def _value(self, node: ast.expr) -> Any:  # noqa: PLR0911 - one case a kind of node, as in the language
        match node:
            case ast.BoolOp(op=op, values=values):
                join = operator.and_ if isinstance(op, ast.And) else operator.or_
                return reduce(join, map(self._value, values))
            case ast.UnaryOp(op=op, operand=operand):
                value = self._value(operand)
                return np.logical_not(value) if isinstance(op, ast.Not) else -value
            case ast.BinOp(left=left, op=op, right=right):
                return _COMPUTED[type(op)](self._value(left), self._value(right))
            case ast.Compare(left=left, ops=ops, comparators=others):
                sides = [self._value(side) for side in (left, *others)]
                pairs = zip(ops, sides, sides[1:], strict=False)
                return reduce(operator.and_, (_COMPARED[type(op)](one, other) for op, one, other in pairs))
            case ast.Call(func=ast.Name(id=name), args=arguments):
                return _called(name, [self._value(argument) for argument in arguments])
            case ast.Attribute(attr=name):
                return self._registered(name)
            case ast.Name(id=name):
                return self._once(name, partial(self._signal, name))
        return ast.literal_eval(node)

    def _once(self, name: str, make: Callable[[], Any]) -> Any:
        if name not in self._made:
            self._made[name] = make()
        return self._made[name]

    def _signal(self, name: str) -> Any:
        rows = self._rows
        match name:
            case "trip_s":
                return (rows.integers("recorded_at_ms") - rows.integers("trip_started_at_ms")) / 1000
            case "tyre_pressures_kpa":
                return rows.tyres
            case "ignition_on":  # absent means true
                column = rows.column(name)
                is_on = True if column is None else pc.fill_null(column, fill_value=True)
                return np.asarray(is_on, np.bool_)
            case "oil_level":
                column = rows.column(name)
                return np.full(rows.count, "") if column is None else np.asarray(pc.fill_null(column, ""), np.str_)
        return rows.numbers(name)

    def _registered(self, name: str) -> Any:
        def of_rows() -> Any:
            known = [getattr(vehicle, name, None) for vehicle in self._vehicles]
            values = np.array([*(np.nan if value is None else float(value) for value in known), np.nan])
            return values[self._rows.vehicle]

        return self._once(f"vehicle.{name}", of_rows)


def _called(name: str, arguments: list[Any]) -> Any:
    if name == "abs":
        return np.abs(arguments[0])
    if len(arguments) == 1:  # of a reading's four
        return _CALLED[name].reduce(arguments[0], axis=1)
    return reduce(_CALLED[name], arguments)
