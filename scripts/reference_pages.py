"""Write the parts of docs/ that are derived from the code: routes, signal ranges, rules, settings.

`python scripts/reference_pages.py` writes them; with `--check` it only tells which are out of date, and exits with 1.
"""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

from api.app import build
from api.settings import ServeSettings
from contracts.plausibility import SIGNAL_RANGES
from rules import Rule, default_rules_file, load_rules

DOCS = Path(__file__).parents[1] / "docs"
PROGRAMS = ("simulator", "gateway", "hot_path", "cold_path", "api", "stack")
_BEGIN = "<!-- derived: begin (python scripts/reference_pages.py) -->"
_END = "<!-- derived: end -->"
_SUBCOMMAND = "_CliSubCommand"
_POSITIONAL = "_CliPositionalArg"

Row = tuple[str, ...]


def table(header: Row, rows: Iterable[Row]) -> str:
    lines = [header, tuple("---" for _ in header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def rules_table() -> str:
    header = ("rule", "severity", "raised when", "cleared when", "cooldown", "source")
    return table(header, (_rule_row(rule) for rule in load_rules(default_rules_file()).rules))


def _rule_row(rule: Rule) -> Row:
    name = f"`{rule.name}`" + (f" ({rule.trouble_code})" if rule.trouble_code else "")
    worse = "".join(f"; {step.severity}: `{step.level.text}`{_held(step.for_ms)}" for step in rule.escalations)
    return name, rule.severity + worse, _raised(rule), _cleared(rule), _seconds(rule.cooldown_ms), rule.source


def _raised(rule: Rule) -> str:
    if rule.codes:
        return "an active code begins with " + ", ".join(f"`{code}`" for code in rule.codes) + _held(rule.for_ms)
    if rule.level is None:
        return f"nothing is heard in the middle of a trip{_held(rule.for_ms)}"
    enabled = f" while `{rule.when.text}`" if rule.when else ""
    if rule.value is not None:
        return f"`{rule.level.text}` of `{rule.value.text}` over {_seconds(rule.window_ms)}{enabled}"
    return f"`{rule.level.text}`{enabled}{_held(rule.for_ms)}"


def _cleared(rule: Rule) -> str:
    if rule.clear:
        return f"`{rule.clear.text}`{_held(rule.clear_for_ms)}"
    if rule.codes:
        return f"the code is not active{_held(rule.clear_for_ms)}"
    return "the car is heard again" if rule.level is None else f"the level does not hold{_held(rule.clear_for_ms)}"


def _held(milliseconds: int) -> str:
    return f" for {_seconds(milliseconds)}" if milliseconds else ""


def _seconds(milliseconds: int) -> str:
    return f"{milliseconds / 1000:g} s" if milliseconds else "-"


def signals_table() -> str:
    rows = ((f"`{name}`", f"{low:,} to {high:,}") for name, (low, high) in SIGNAL_RANGES.items())
    return table(("signal", "possible"), rows)


def routes_table() -> str:
    document = build(ServeSettings()).openapi()
    rows = [
        (f"`{verb.upper()} {path}`", operation["summary"], _parameters(operation))
        for path, operations in document["paths"].items()
        for verb, operation in operations.items()
    ]
    return table(("route", "answers", "parameters"), rows)


def _parameters(operation: dict[str, Any]) -> str:
    return ", ".join(f"`{one['name']}`" for one in operation.get("parameters", ()) if one["in"] == "query")


def settings_sections() -> str:
    return "\n\n".join(section for program in PROGRAMS for section in _program(program))


def _program(package: str) -> Iterator[str]:
    root = root_settings(package)
    yield f"## {_program_name(root)}\n\n{_summary(root)}"
    for command, kind in commands(root):
        rows = [_setting_row(name, field, _prefix(kind)) for name, field in settings(kind)]
        heading = f"### `{command}`\n\n{_summary(kind)}"
        yield f"{heading}\n\n" + (table(("flag", "variable", "default", "meaning"), rows) if rows else "No settings.")


def root_settings(package: str) -> type[BaseModel]:
    """Give the class whose subcommands are the program's: the one that names the program."""
    for module in (f"{package}.settings", f"{package}.__main__"):
        for kind in vars(importlib.import_module(module)).values():
            if inspect.isclass(kind) and issubclass(kind, BaseSettings) and kind.model_config.get("cli_prog_name"):
                return kind
    raise LookupError(f"{package} has no settings class with cli_prog_name")


def _program_name(root: type[BaseModel]) -> str:
    return str(dict(root.model_config)["cli_prog_name"])


def commands(root: type[BaseModel]) -> Iterator[tuple[str, type[BaseModel]]]:
    yield from _below(_program_name(root), root)


def _below(path: str, kind: type[BaseModel]) -> Iterator[tuple[str, type[BaseModel]]]:
    nested = [(name, field) for name, field in kind.model_fields.items() if _is(field, _SUBCOMMAND)]
    if not nested or settings(kind):
        yield path, kind
    for name, field in nested:
        below = next(choice for choice in (*get_args(field.annotation), field.annotation) if _is_model(choice))
        yield from _below(f"{path} {_kebab(field.alias or name)}", below)


def settings(kind: type[BaseModel]) -> list[tuple[str, FieldInfo]]:
    return [(name, field) for name, field in kind.model_fields.items() if not _is(field, _SUBCOMMAND)]


def _setting_row(name: str, field: FieldInfo, prefix: str) -> Row:
    called = field.alias or name
    if _is(field, _POSITIONAL):
        return f"`{called.upper()}`", "-", _default(field), field.description or ""
    return f"`--{_kebab(called)}`", f"`{prefix}{called.upper()}`", _default(field), field.description or ""


def _default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return "required" if field.default_factory is None else "-"
    given: Any = field.default
    return {None: "-", True: "on", False: "off"}.get(given, f"`{given}`") if _is_plain(given) else f"`{given}`"


def _is_plain(given: object) -> bool:
    return given is None or isinstance(given, bool)


def _prefix(kind: type[BaseModel]) -> str:
    return str(kind.model_config.get("env_prefix", "")).upper()


def _summary(kind: type[BaseModel]) -> str:
    return inspect.cleandoc(kind.__doc__ or "").split("\n\n", 1)[0].replace("\n", " ")


def _is(field: FieldInfo, marker: str) -> bool:
    return any(getattr(entry, "__name__", type(entry).__name__) == marker for entry in field.metadata)


def _is_model(choice: object) -> bool:
    return inspect.isclass(choice) and issubclass(choice, BaseModel)


def _kebab(name: str) -> str:
    return name.replace("_", "-")


def with_derived(page: str, derived: str) -> str:
    """Give the page with what stands between the two comments replaced."""
    pattern = re.compile(re.escape(_BEGIN) + ".*?" + re.escape(_END), re.DOTALL)
    if not pattern.search(page):
        raise LookupError(f"the page has no lines {_BEGIN} and {_END}")
    return pattern.sub(lambda _: f"{_BEGIN}\n\n{derived}\n\n{_END}", page, count=1)


PAGES: dict[str, Callable[[], str]] = {
    "api.md": routes_table,
    "readings.md": signals_table,
    "rules.md": rules_table,
    "settings.md": settings_sections,
}


def main(arguments: list[str]) -> int:
    outdated = []
    for name, derive in PAGES.items():
        file = DOCS / name
        before = file.read_text(encoding="utf-8")
        after = with_derived(before, derive())
        if after != before:
            outdated.append(name)
        if "--check" not in arguments:
            file.write_text(after, encoding="utf-8")
    if outdated:
        print("out of date:" if "--check" in arguments else "written:", ", ".join(outdated))
    return 1 if outdated and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
