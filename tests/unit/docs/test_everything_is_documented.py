from __future__ import annotations

import re
import subprocess
import sys

from project_docs import DERIVED, ROOT, commands
from prometheus_client import Counter, Gauge, Histogram

from contracts.reason import REASONS
from contracts.topics import TOPICS
from observability import metrics
from rules import default_rules_file, load_rules


def test_the_derived_tables_are_current() -> None:
    told = subprocess.run([sys.executable, DERIVED, "--check"], capture_output=True, text=True, check=False)
    assert told.returncode == 0, f"{told.stdout}{told.stderr}; run `python scripts/reference_pages.py`"


def test_every_metric_is_documented_once_and_no_other() -> None:
    declared = {_name(metric) for metric in vars(metrics).values() if isinstance(metric, Counter | Gauge | Histogram)}
    rows = re.findall(r"^\| `([a-z_]+)` \| (?:counter|gauge|histogram)", _page("observability.md"), re.MULTILINE)
    assert sorted(rows) == sorted(declared)


def test_every_topic_is_documented_with_its_partitions_and_no_other() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \|(?:[^|]*\|){2} (\d+) \|", _page("architecture.md"), re.MULTILINE)
    assert sorted(rows) == sorted((topic.name, str(topic.partitions)) for topic in TOPICS)


def test_every_rule_is_documented() -> None:
    page = _page("rules.md")
    assert [rule.name for rule in load_rules(default_rules_file()).rules if f"`{rule.name}`" not in page] == []


def test_every_reason_for_rejection_is_documented() -> None:
    page = _page("readings.md")
    assert [reason for reason in REASONS if f"`{reason}`" not in page] == []


def test_every_command_has_a_section_in_the_settings() -> None:
    page = _page("settings.md")
    assert [command for command in commands() if f"### `{command}`" not in page] == []


def test_every_benchmark_is_documented() -> None:
    names = [file.stem.replace("_", "-") for file in sorted(ROOT.glob("benchmarks/[a-z]*.py"))]
    assert [name for name in names if f"`make benchmark-{name}`" not in _page("benchmarks.md")] == []


def _name(metric: Counter | Gauge | Histogram) -> str:
    return next(iter(metric.describe())).name


def _page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")
