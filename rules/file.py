"""The rule file: read, validated, compiled. What is wrong is told with file, line, rule and remedy."""

from __future__ import annotations

import hashlib
import re
import tomllib
from math import ceil
from pathlib import Path
from string import Formatter
from typing import Annotated, Final, get_args

import msgspec

from contracts.alert import SEVERITIES, Severity
from contracts.errors import InvalidRules
from contracts.topics import READING_PARTITIONS
from rules.expression import ALWAYS_CARRIED, CHANGE, Expression, InvalidExpression, compile_condition, compile_value
from rules.limits import LIMIT_RULES
from rules.rule import NEW_VEHICLES_AN_HOUR, Escalation, Family, Rule, Rules
from rules.trouble_code import meanings

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{2,63}")
_CODE_PREFIX: Final = re.compile(r"[PBCU]([0-3][0-9A-F]{0,3})?")
_HEADER: Final = re.compile(r"\s*\[\[\s*rule\s*\]\]")
_WHERE: Final = re.compile(r"\$(?:\.rule\[(\d+)\])?(?:\.(\w+))?")

SHORTEST_WINDOW_S: Final = 120
_BOUND: Final = re.compile(r"^new_vehicles_an_hour\s*=.*$", re.MULTILINE)
_UNEVEN: Final = 1.2
_FEW: Final = 20
"""VINs are spread over partitions by chance, so some have more than their part."""
Sentence = Annotated[str, msgspec.Meta(max_length=1_000)]
"""With what it is filled with, it stays within what an alert may say."""
Seconds = Annotated[float, msgspec.Meta(ge=0, le=7 * 86_400)]


class _Escalation(msgspec.Struct, forbid_unknown_fields=True):
    severity: Severity
    level: str
    for_s: Seconds = 0


class _Rule(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    name: str
    family: Family
    severity: Severity
    message: Sentence
    source: Sentence
    trouble_code: str | None = None
    when: str | None = None
    level: str | None = None
    for_s: Seconds = 0
    clear: str | None = None
    clear_for_s: Seconds = 0
    cooldown_s: Seconds = 0
    codes: tuple[str, ...] = ()
    value: str | None = None
    window_s: Seconds = 0
    escalation: tuple[_Escalation, ...] = ()


class _Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    new_vehicles_an_hour: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = NEW_VEHICLES_AN_HOUR


class _File(msgspec.Struct, forbid_unknown_fields=True):
    rule: list[_Rule]
    limits: _Limits = _Limits()


class _Complaint(ValueError):
    def __init__(self, key: str, problem: str) -> None:
        super().__init__(problem)
        self.key = key


def default_rules_file() -> Path:
    """Give the rule file that comes with the project."""
    return Path(__file__).with_name("rules.toml")


def with_room_for(vehicles: int, text: str) -> str:
    """Return a rule file's text with a bound of new vehicles that lets so many begin within an hour."""
    bound = max(parse_rules(text).new_vehicles_an_hour, ceil(vehicles / READING_PARTITIONS * _UNEVEN) + _FEW)
    line = f"new_vehicles_an_hour = {bound}"
    changed, found = _BOUND.subn(line, text)
    return changed if found else f"[limits]\n{line}\n\n{text}"


def load_rules(file: Path) -> Rules:
    """Read and compile a rule file. Raises InvalidRules."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRules(f"{file}: the rule file cannot be read: {error}") from error
    return parse_rules(text, name=str(file))


def parse_rules(text: str, *, name: str = "rules.toml") -> Rules:
    """Compile the text of a rule file; `name` stands in errors. Raises InvalidRules."""
    try:
        parsed = msgspec.convert(tomllib.loads(text), _File)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InvalidRules(f"{name}: not TOML: {error}") from error
    except msgspec.ValidationError as error:
        raise InvalidRules(_told(name, text, str(error))) from error
    compiled: list[Rule] = []
    for index, specified in enumerate(parsed.rule):
        try:
            _refuse_repeated(specified.name, compiled)
            compiled.append(_compiled(specified))
        except _Complaint as complaint:
            line = _line(text, index, complaint.key)
            raise InvalidRules(f"{name}:{line}: rule {specified.name!r}, {complaint.key}: {complaint}") from complaint
    _refuse_two_silences(compiled, name)
    return Rules(tuple(compiled), hash=_hash(parsed), new_vehicles_an_hour=parsed.limits.new_vehicles_an_hour)


def _hash(parsed: _File) -> str:
    """Hash what the rules say, the meanings of trouble codes included; usual limits say nothing."""
    said = {"rule": parsed.rule} | ({} if parsed.limits == _Limits() else {"limits": parsed.limits})
    return hashlib.sha256(msgspec.json.encode([said, meanings()])).hexdigest()[:16]


def _refuse_repeated(rule_name: str, before: list[Rule]) -> None:
    if not _NAME.fullmatch(rule_name):
        raise _Complaint("name", "use 3 to 64 of a-z, 0-9 and _, a letter first")
    if rule_name in LIMIT_RULES:
        raise _Complaint("name", "alerts of the limits a vehicle has are named so; choose another one")
    if any(rule.name == rule_name for rule in before):
        raise _Complaint("name", "another rule has this name; episodes are told apart by it, so choose a new one")


def _refuse_two_silences(rules: list[Rule], name: str) -> None:
    silences = [rule.name for rule in rules if rule.family == "silence"]
    if len(silences) > 1:
        raise InvalidRules(f"{name}: only one rule can be of family silence, not {', '.join(silences)}; keep one")


def _compiled(specified: _Rule) -> Rule:
    level, when, clear = (_condition(specified, key) for key in ("level", "when", "clear"))
    value = _value(specified)
    escalations = tuple(_escalation(step, specified.severity) for step in specified.escalation)
    _check_family(specified)
    conditions = [c for c in (level, when, clear, *(step.level for step in escalations)) if c is not None]
    conditions += [value] if value is not None else []
    signals = {signal for condition in conditions for signal in condition.signals}
    registry = {value for condition in conditions for value in condition.registry}
    _check_message(specified, signals | registry)
    return Rule(
        name=specified.name,
        family=specified.family,
        severity=specified.severity,
        message=specified.message,
        source=specified.source,
        trouble_code=specified.trouble_code,
        when=when,
        level=level,
        for_ms=round(specified.for_s * 1000),
        clear=clear,
        clear_for_ms=round(specified.clear_for_s * 1000),
        cooldown_ms=round(specified.cooldown_s * 1000),
        escalations=escalations,
        codes=specified.codes,
        value=value,
        window_ms=round(specified.window_s * 1000),
        signals=tuple(sorted(signals)),
        optional_signals=tuple(sorted(signals - ALWAYS_CARRIED)),
        registry=tuple(sorted(registry)),
    )


def _condition(specified: _Rule, key: str) -> Expression | None:
    text = getattr(specified, key)
    try:
        of_trend = specified.family == "trend" and key != "when"
        return None if text is None else compile_condition(text, of_trend=of_trend)
    except InvalidExpression as error:
        raise _Complaint(key, str(error)) from error


def _value(specified: _Rule) -> Expression | None:
    try:
        return None if specified.value is None else compile_value(specified.value)
    except InvalidExpression as error:
        raise _Complaint("value", str(error)) from error


def _escalation(step: _Escalation, first: Severity) -> Escalation:
    if SEVERITIES.index(step.severity) <= SEVERITIES.index(first):
        raise _Complaint("escalation", f"{step.severity} is no worse than the rule's own {first}; choose a worse one")
    try:
        return Escalation(step.severity, compile_condition(step.level), round(step.for_s * 1000))
    except InvalidExpression as error:
        raise _Complaint("escalation", str(error)) from error


def _check_family(specified: _Rule) -> None:
    by_level = specified.family in ("level", "cross_signal", "trend")
    if by_level != (specified.level is not None):
        wants = "needs a level, as in coolant_c >= 110" if by_level else "takes no level; remove it"
        raise _Complaint("level" if specified.level else "family", f"a rule of family {specified.family} {wants}")
    if (specified.family == "trouble_code") != bool(specified.codes):
        raise _Complaint("codes", "list prefixes of trouble codes, as in ['P03'], for family trouble_code and no other")
    for code in specified.codes:
        if not _CODE_PREFIX.fullmatch(code):
            raise _Complaint("codes", f"{code!r} begins no trouble code; write one such as P, P03 or P0301")
    _check_trend(specified)
    if specified.family == "silence" and specified.for_s < 1:
        raise _Complaint("for_s", "give the seconds of silence, at least 1")
    if not by_level and (specified.when or specified.clear or specified.escalation):
        raise _Complaint(
            "family", f"a rule of family {specified.family} takes no when, clear or escalation; remove them"
        )


def _check_trend(specified: _Rule) -> None:
    is_trend = specified.family == "trend"
    if is_trend != (specified.value is not None):
        raise _Complaint("value", "a trend needs a value, as in battery_v, and no other family takes one")
    if is_trend and specified.window_s < SHORTEST_WINDOW_S:
        raise _Complaint("window_s", f"give the seconds to look back, at least {SHORTEST_WINDOW_S}")
    if is_trend and (specified.for_s or specified.clear_for_s or specified.escalation):
        raise _Complaint("for_s", "a trend's window is its duration; remove for_s, clear_for_s and escalation")


def _check_message(specified: _Rule, known: set[str]) -> None:
    allowed = known | {"trouble_code": {"code"}, "trend": {CHANGE}}.get(specified.family, set())
    try:
        named = {field for _, field, _, _ in Formatter().parse(specified.message) if field is not None}
    except ValueError as error:
        raise _Complaint("message", f"{error}; write a signal in braces, as in {{coolant_c}}") from error
    if unknown := named - allowed:
        raise _Complaint("message", f"{', '.join(sorted(unknown))}: name only what the rule reads: {sorted(allowed)}")


def _told(name: str, text: str, message: str) -> str:
    """Say where in the file a message of the decoder belongs, in which rule, and what to do."""
    problem, _, path = message.partition(" - at `")
    where = _WHERE.search(message)
    key = re.search(r"field `(\w+)`", problem)
    remedy = _remedy(problem, where[2] if where else None)
    if where is None or where[1] is None:
        key_path = path.strip("`$.")
        return f"{name}: {key_path}{': ' if key_path else ''}{problem}; {remedy}"
    index, at_key = int(where[1]), where[2] or (key[1] if key else "")
    rules = tomllib.loads(text)["rule"]
    rule_name = rules[index].get("name") if isinstance(rules[index], dict) else None
    return f"{name}:{_line(text, index, at_key)}: rule {rule_name!r}, {at_key or 'rule'}: {problem}; {remedy}"


def _remedy(problem: str, key: str | None) -> str:
    if "unknown field" in problem:
        return f"remove it; a rule has {', '.join(_Rule.__struct_fields__)}"
    if "missing required" in problem:
        return "add it"
    choices = {"severity": SEVERITIES, "family": get_args(Family)}.get(key or "")
    return f"write one of {', '.join(choices)}" if choices else "write such a value"


def _line(text: str, index: int, key: str) -> int:
    """Find the line, from 1, of a key in the rule with this index; of the rule's header when it has no such key."""
    lines = text.splitlines()
    headers = [at for at, line in enumerate(lines) if _HEADER.match(line)]
    if index >= len(headers):
        return 1
    end = headers[index + 1] if index + 1 < len(headers) else len(lines)
    begins = re.compile(rf"\s*(\[\[rule\.)?{re.escape(key)}\b")
    return 1 + next((at for at in range(headers[index], end) if key and begins.match(lines[at])), headers[index])
