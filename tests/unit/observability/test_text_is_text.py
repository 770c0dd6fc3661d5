"""Every table and line that a program shows, with text from outside in all of its cells."""

from __future__ import annotations

import ast
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from manifests import a_manifest
from project_docs import ROOT

from api.client import showing
from api.security.administration import list_keys
from api.security.keys import ApiKey, write_keys
from api.settings import ListKeys
from cold_path.backtest.outcome import RuleOutcome
from cold_path.backtest.telling import Backtested
from cold_path.lake.status import LakeStatus
from cold_path.operation.progress import Progress as BatchProgress
from cold_path.verification.alerts import AlertComparison, AlertEvent, Pair
from cold_path.verification.comparison import Comparison, Difference
from cold_path.verification.ranking import Place, RankingComparison
from cold_path.verification.report import Report
from cold_path.verification.totals import Totals
from cold_path.versions.catalogue import Version
from cold_path.versions.difference import ViewDifference
from cold_path.versions.telling import difference_tables, version_table, versions_table
from observability.plain_text import visible
from observability.terminal import BarColumn, Console, Progress, Text, TextColumn
from simulator.report import show_replay, show_score
from simulator.scoring.rule_scores import RuleScore
from simulator.scoring.score import Scored
from stack.report import Report as DemoReport
from stack.summary import attention_table, ranking_table, report_table
from stack.voice import Voice

PROGRAMS = ("simulator", "gateway", "hot_path", "cold_path", "api", "stack")
SHOWN_ELSEWHERE = {"stack/__main__.py"}
"""Its table holds the topics of `contracts`, nothing from outside."""
_STYLE = re.compile(r"\x1b\[[\d;]*m")
_ATTACKS = ("[/red]", "[link=http://evil.example]x[/link]", ":car:", "\x1b[2J", "\x9b2J", "\x07\r", "\u202e", "\udc80")
outside = st.lists(st.sampled_from(_ATTACKS) | st.text(st.characters(exclude_categories=())), max_size=4).map("".join)
Show = Callable[[str, Console], object]


def attention(text: str, console: Console) -> None:
    alert = {"acknowledged_by": text}
    names = dict.fromkeys(("severity", "vehicle_id", "model", "fleet", "message"), text)
    vehicles = [{**names, "since_ms": 0, "alerts": [alert, alert]}]
    console.print(showing.attention({"open_alerts": {text: 1}, "vehicles_in_need": 1, "vehicles": vehicles}))


def ranking(text: str, console: Console) -> None:
    figures = dict.fromkeys(("litres_per_100km", "mpg_us", "co2_g_per_km", "efficiency_index", "driver_index"), 1.0)
    place = {"rank": 1, "key": text, "model": text, "distance_m": 1, **figures}
    heads = dict.fromkeys(("period_kind", "period", "by", "order", "view"), text)
    answer = {**heads, "ranked": 1, "as_of_ms": 0, "places": [place]}
    console.print(showing.ranking({**answer, "scope": "vehicle"}))
    console.print(showing.ranking({**answer, "scope": text}))


def routes(text: str, console: Console) -> None:
    way = {"by": text, "streets": [text, text], "distance_m": 1, "seconds": 1, "fuel_ml": 1, "litres_per_100km": None}
    ends = {"from": {"name": text}, "to": {"name": text}}
    console.print(showing.routes({**ends, "vehicle_class": text, "costs": text, "features": [{"properties": way}]}))


def alerts(text: str, console: Console) -> None:
    names = dict.fromkeys(("severity", "state", "vehicle_id", "rule", "message", "alert_id", "acknowledged_by"), text)
    alert: dict[str, Any] = {**names, "raised_at_ms": 0, "changed_at_ms": 0}
    console.print(showing.alerts([alert, {**alert, "resolved_by": text}]))
    console.print(showing.alert_line(alert))


def backtest(text: str, console: Console) -> None:
    console.print(Backtested(text, 1, 1.0, [RuleOutcome(text)], has_truth=True).table())


def verification(text: str, console: Console) -> None:
    totals, event = Totals(1, 1, 1), AlertEvent((text, 1), text, text, 0, 1, Pair(text, 1))
    difference = Difference(text, 0, totals, None)
    comparison = Comparison(1, 1, 1, 0, 0, totals, totals, (difference,))
    alert, place = AlertComparison(1, (event,), (event,)), RankingComparison(1, ((Place(1, text, 1, 1, 1), None),))
    console.print(*Report(comparison, {0: 1}, 1, 0, 1, files_equal=None, alerts=alert, ranking=place).tables())


def lake(text: str, console: Console) -> None:
    status = LakeStatus(text, 1, text, 1, {text: 1}, {0: 1}, {text: (0, 1)}, 0, 1, 0, 1, {text: 1})
    console.print(*status.tables())


def versions(text: str, console: Console) -> None:
    facts: dict[str, Any] = {"rules_hash": text, "code_version": text, "as_of_day": text, "row_counts": {text: 1}}
    version = Version(a_manifest(**facts), is_current=True, is_pinned=True, size_bytes=1)
    console.print(versions_table([version]), version_table(version))
    differences = [ViewDifference(text, 1, 1, 0, 0, 1, (text,))]
    console.print(*difference_tables({text: (text, text)}, differences, before=1, after=2))


def scores(text: str, console: Console) -> None:
    show_score(Scored([RuleScore(text)], 1.0), console, as_json=False, minimum_recall=0.5)


class _Trip:
    """What a recorded trip shows of itself."""

    def __init__(self, text: str) -> None:
        self.recording = _Recording(text)
        self.readings = [_Reading()]
        self.litres_per_100km, self.duration_s, self.distance_m, self.fuel_ml = 1.0, 1.0, 1, 1


class _Recording(list[int]):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.file, self.truncated_rows = Path(text.replace("/", "").replace("\0", "")), 0


class _Reading:
    trip_idle_s = 0


def replay(text: str, console: Console) -> None:
    show_replay([_Trip(text)], console, as_json=False)  # type: ignore[list-item]


def demo(text: str, console: Console) -> None:
    names = dict.fromkeys(("vehicle_id", "model", "severity", "message"), text)
    console.print(attention_table([names]), ranking_table([{"rank": 1, "key": text, "model": text}]))
    console.print(report_table(DemoReport(), [text]))


def programs_lines(text: str, console: Console) -> None:
    voice = Voice(console)
    voice.program("api", text)
    voice.program(text, msgspec.json.encode({"message": "m", "level": "ERROR", "field": visible(text)}).decode())
    voice.phase(text)


def bars(text: str, console: Console) -> None:
    with Progress(TextColumn("{task.description}"), BarColumn(), console=console) as progress:
        progress.add_task(text, total=1)
    stages = BatchProgress(None, console)
    stages.computes(text)
    with stages.shown(text, 1):
        pass


SHOWN: dict[str, Show] = {
    "api/client/showing.py": lambda text, console: [one(text, console) for one in (attention, ranking, routes, alerts)],
    "cold_path/backtest/telling.py": backtest,
    "cold_path/lake/status.py": lake,
    "cold_path/operation/progress.py": bars,
    "cold_path/verification/report.py": verification,
    "cold_path/versions/telling.py": versions,
    "simulator/past/past_days.py": bars,
    "simulator/replay/replaying.py": bars,
    "simulator/report.py": lambda text, console: [one(text, console) for one in (scores, replay)],
    "stack/summary.py": demo,
    "stack/voice.py": programs_lines,
}
"""Which of the functions above shows what a module lays out."""


def rendered(show: Show, text: str, *, width: int = 100, terminal: bool = False) -> str:
    file = io.StringIO()
    show(text, Console(file=file, width=width, force_terminal=terminal))
    return file.getvalue()


@pytest.mark.parametrize("show", SHOWN.values(), ids=SHOWN)
@settings(max_examples=40, deadline=None)
@given(text=outside)
@example(text="[/red]")
@example(text="[bold]\x1b[2J\udc80")
def test_no_text_from_outside_ends_a_program_or_reaches_the_terminal_as_more_than_text(show: Show, text: str) -> None:
    told = rendered(show, text)
    assert visible(told) == told
    told.encode()


@pytest.mark.parametrize("show", [attention, ranking, alerts, versions, demo], ids=lambda show: show.__name__)
@pytest.mark.parametrize("text", ["[/red]", "[bold]x[/bold]", ":car:", r"\[a]", "\x1b[2Jx", "Škoda"])
def test_text_from_outside_is_shown_as_it_was_written(show: Show, text: str) -> None:
    assert visible(text) in rendered(show, text, width=2000)


@pytest.mark.parametrize("show", [attention, alerts, demo, programs_lines], ids=lambda show: show.__name__)
def test_on_a_terminal_colours_are_all_that_is_sent(show: Show) -> None:
    told = rendered(show, "".join(_ATTACKS), terminal=True)
    assert "\x1b[" in told
    plain = _STYLE.sub("", told)
    assert visible(plain) == plain


def test_columns_stay_straight_beside_an_escaped_character() -> None:
    lines = rendered(
        lambda text, console: console.print(attention_table([{"vehicle_id": text, "severity": text}])), "\x1b"
    )
    assert len({len(line) for line in lines.splitlines()[1:]}) == 1


def test_asking_for_markup_does_not_help() -> None:
    told = rendered(lambda text, console: console.print(text, Text(text).append("\x1b"), markup=True), "[/red]")
    assert told == "[/red] [/red]\\x1b\n"


def test_what_the_terminals_encoding_lacks_is_escaped() -> None:
    buffer = io.BytesIO()
    console = Console(file=io.TextIOWrapper(buffer, encoding="ascii"), width=100)
    console.print(attention_table([{"model": "Škoda"}]))
    console.file.flush()
    assert rb"\u0160koda" in buffer.getvalue()


def test_a_keys_name_is_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_keys(tmp_path / "keys.json", [ApiKey("[/red]\x1b", "viewer", "0" * 64, 0)])
    list_keys(ListKeys(keys=tmp_path / "keys.json"))
    assert r"[/red]\x1b" in capsys.readouterr().out


def test_every_module_that_lays_out_text_is_shown_hostile_text_here() -> None:
    """A new table cannot forget it; ruff refuses rich itself, print and the standard streams (pyproject.toml)."""
    modules = [file for program in PROGRAMS for file in (ROOT / program).rglob("*.py")]
    laid_out = {file.relative_to(ROOT).as_posix() for file in modules if _imports(file) & {"Table", "Progress", "Text"}}
    assert laid_out == SHOWN.keys() | SHOWN_ELSEWHERE | {"api/security/administration.py"}


def _imports(file: Path) -> set[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    found = (node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom))
    return {name.name for node in found if node.module == "observability.terminal" for name in node.names}
