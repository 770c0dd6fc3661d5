"""Conditions of the rule file: parsed with `ast` against a whitelist, checked for kinds, compiled once."""

from __future__ import annotations

import ast
import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from contracts.reading import Reading

Kind = Literal["number", "truth", "text", "numbers", "texts"]
RegistryValues = dict[str, float | None]

_COUNTERS = ("trip_distance_m", "trip_fuel_ml", "trip_idle_s", "odometer_m", "misfires")
_MEASURED = (
    *("latitude_deg", "longitude_deg", "altitude_m", "heading_deg", "speed_kmh", "acceleration_mps2"),
    *("engine_rpm", "engine_load_pct", "throttle_pct", "manifold_kpa", "air_flow_gps", "intake_air_c"),
    *("ambient_air_c", "coolant_c", "oil_c", "oil_pressure_kpa", "battery_v", "fuel_level_pct"),
    *("short_fuel_trim_pct", "long_fuel_trim_pct"),
)
SIGNALS: Final[dict[str, Kind]] = {
    **dict.fromkeys((*_COUNTERS, *_MEASURED), "number"),
    "tyre_pressures_kpa": "numbers",
    "oil_level": "text",
    "ignition_on": "truth",
    "trip_s": "number",
}
"""What a condition may name; trouble codes have a family of their own."""

REGISTRY: Final = ("displacement_l", "mass_kg", "tank_l", "placard_kpa", "year")
"""What a condition may name as `vehicle.NAME`."""

DERIVED: Final = {
    "trip_s": "((r.recorded_at_ms - r.trip_started_at_ms) / 1000)",
    "ignition_on": "(r.ignition_on is not False)",  # absent means true
}
"""What is named like a signal and computed from what every reading carries."""

CHANGE: Final = "change"
"""Only in the level and clearing condition of a trend rule: how much its value rose over the window."""

ALWAYS_CARRIED: Final = frozenset({"ignition_on", "trip_s", "speed_kmh", "engine_rpm", "trip_distance_m"})
LONGEST: Final = 500
_FUNCTIONS: Final = {"min": min, "max": max, "abs": abs}
_EXAMPLES: Final = {"truth": "as in coolant_c >= 110", "number": "as in min(tyre_pressures_kpa)"}
_ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.Div)
_ORDER = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
_RISING = (ast.Gt, ast.GtE)


class InvalidExpression(ValueError):
    """A condition that is not of the language; the message says what is and what to write."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """A signal compared with a number: the condition needs it above (`is_upper`) or below the value, or on it."""

    signal: str
    value: float
    is_upper: bool


@dataclass(frozen=True, slots=True)
class Expression:
    """A condition ready to use. `source` is Python over `r` (a reading) and `g` (registry values)."""

    text: str
    source: str
    signals: tuple[str, ...]
    registry: tuple[str, ...]
    holds: Callable[[Reading, RegistryValues], object]
    """The condition itself; truthy where it holds."""
    excess: Callable[[Reading, RegistryValues], float] | None
    """How far the first comparison of numbers is exceeded; None where there is none."""
    thresholds: tuple[Threshold, ...]
    """Thresholds of which each must be crossed for the condition to hold."""


def compile_condition(text: str, *, of_trend: bool = False) -> Expression:
    """Compile a condition, true or false; that of a trend may name `change`. Raises InvalidExpression."""
    return _compiled(text, "truth", of_trend=of_trend)


def compile_value(text: str) -> Expression:
    """Compile an expression for a number, as in `min(tyre_pressures_kpa)`. Raises InvalidExpression."""
    return _compiled(text, "number", of_trend=False)


def _compiled(text: str, wanted: Kind, *, of_trend: bool) -> Expression:
    if len(text) > LONGEST:
        raise InvalidExpression(f"the condition has {len(text)} characters; write at most {LONGEST}")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise InvalidExpression(f"{text!r} is no condition ({error}); write one such as coolant_c >= 110") from error
    reader = _Reader(of_trend=of_trend)
    if (found := reader.kind(tree)) != wanted:
        raise InvalidExpression(f"{text!r} is a {found} where a {wanted} is needed, {_EXAMPLES[wanted]}")
    excess = _excess(tree)
    source = _rewritten(tree)
    return Expression(
        text=text,
        source=source,
        signals=tuple(sorted(reader.signals)),
        registry=tuple(sorted(reader.registry)),
        holds=_function(source),
        excess=_function(_rewritten(excess)) if excess is not None else None,
        thresholds=tuple(_thresholds(tree)),
    )


def _rewritten(tree: ast.expr) -> str:
    return ast.unparse(_Compiled().visit(copy.deepcopy(tree)))


def _function(source: str) -> Callable[[Reading, RegistryValues], float]:
    compiled: Callable[[Reading, RegistryValues], float] = eval(  # noqa: S307 - made from whitelisted nodes only
        f"lambda r, g: {source}", {"__builtins__": {}, **_FUNCTIONS}
    )
    return compiled


class _Reader:
    """Walks a condition: finds each node's kind, refuses what is not whitelisted, notes what is named."""

    def __init__(self, *, of_trend: bool) -> None:
        self.of_trend = of_trend
        self.signals: set[str] = set()
        self.registry: set[str] = set()

    def kind(self, node: ast.expr) -> Kind:  # noqa: C901, PLR0911 - one case a kind of node is the whitelist
        match node:
            case ast.BoolOp(values=values):
                self._all(values, "truth", "and, or")
                return "truth"
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                self._all([operand], "truth", "not")
                return "truth"
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                self._all([operand], "number", "minus")
                return "number"
            case ast.BinOp(left=left, op=op, right=right) if isinstance(op, _ARITHMETIC):
                self._all([left, right], "number", "arithmetic")
                return "number"
            case ast.Compare():
                return self._comparison(node)
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in _FUNCTIONS and arguments:
                return self._call(name, arguments)
            case ast.Name(id=name):
                return self._signal(name)
            case ast.Attribute(value=ast.Name(id="vehicle"), attr=name):
                return self._registered(name)
            case ast.Constant(value=bool()):
                return "truth"
            case ast.Constant(value=int() | float()):
                return "number"
            case ast.Constant(value=str()):
                return "text"
        raise InvalidExpression(
            f"{ast.unparse(node)!r} is not allowed; "
            "use signals, numbers, comparisons, and, or, not, + - * /, min, max, abs"
        )

    def _all(self, nodes: list[ast.expr], wanted: Kind, where: str) -> None:
        for node in nodes:
            if (found := self.kind(node)) != wanted:
                raise InvalidExpression(f"{ast.unparse(node)!r} is a {found} where {where} needs a {wanted}")

    def _comparison(self, node: ast.Compare) -> Kind:
        left = self.kind(node.left)
        for op, right_node in zip(node.ops, node.comparators, strict=True):
            if isinstance(op, ast.In | ast.NotIn):
                self._choices(left, right_node)
            elif isinstance(op, (*_ORDER, ast.Eq, ast.NotEq)):
                wanted: Kind = "number" if isinstance(op, _ORDER) or left == "number" else "text"
                if left != wanted:
                    raise InvalidExpression(f"{ast.unparse(node)!r} compares a {left}; compare a {wanted}")
                self._all([right_node], wanted, "the comparison")
            else:
                raise InvalidExpression(f"{ast.unparse(node)!r} uses a comparison other than < <= > >= == != in")
        return "truth"

    def _choices(self, left: Kind, node: ast.expr) -> None:
        are_texts = isinstance(node, ast.Tuple | ast.List | ast.Set) and all(
            isinstance(item, ast.Constant) and isinstance(item.value, str) for item in node.elts
        )
        if left != "text" or not are_texts:
            raise InvalidExpression(f"{ast.unparse(node)!r}: `in` takes a text and a list of texts in brackets")

    def _call(self, name: str, arguments: list[ast.expr]) -> Kind:
        if name != "abs" and len(arguments) == 1:
            self._all(arguments, "numbers", name)
        elif name == "abs" and len(arguments) != 1:
            raise InvalidExpression("abs takes one number")
        else:
            self._all(arguments, "number", name)
        return "number"

    def _signal(self, name: str) -> Kind:
        if name == CHANGE and self.of_trend:
            return "number"
        if name not in SIGNALS:
            raise InvalidExpression(f"{name!r} is no signal; known are {', '.join(sorted(SIGNALS))}")
        self.signals.add(name)
        return SIGNALS[name]

    def _registered(self, name: str) -> Kind:
        if name not in REGISTRY:
            raise InvalidExpression(f"vehicle.{name} is not in the registry; known are {', '.join(REGISTRY)}")
        self.registry.add(name)
        return "number"


class _Compiled(ast.NodeTransformer):
    """Rewrites `coolant_c` to `r.coolant_c` and `vehicle.placard_kpa` to `g['placard_kpa']`."""

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id in _FUNCTIONS:
            return node
        if node.id == CHANGE:
            return ast.parse(f"g[{CHANGE!r}]", mode="eval").body
        if node.id in DERIVED:
            return ast.parse(DERIVED[node.id], mode="eval").body
        return ast.parse(f"r.{node.id}", mode="eval").body

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        return ast.parse(f"g[{node.attr!r}]", mode="eval").body


def _excess(tree: ast.expr) -> ast.expr | None:
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], _ORDER) and len(node.ops) == 1:
            left, right = node.left, node.comparators[0]
            if not isinstance(node.ops[0], _RISING):
                left, right = right, left
            return ast.BinOp(left=left, op=ast.Sub(), right=right)
    return None


def _thresholds(tree: ast.expr) -> Iterator[Threshold]:
    """Find the comparisons of a signal with a number that stand alone or in a conjunction."""
    for node in tree.values if isinstance(tree, ast.BoolOp) and isinstance(tree.op, ast.And) else [tree]:
        match node:
            case ast.Compare(left=ast.Name(id=name), ops=[op], comparators=[limit]) if (
                isinstance(op, _ORDER) and name in SIGNALS and name not in DERIVED
            ):
                value = _number(limit)
                if value is not None:
                    yield Threshold(name, value, is_upper=isinstance(op, _RISING))


def _number(node: ast.expr) -> float | None:
    match node:
        case ast.Constant(value=int() | float() as value):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            return -value
    return None
