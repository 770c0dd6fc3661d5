from __future__ import annotations

from pathlib import Path

import pytest
from both_paths import HotPath
from demanding import demanding_stream, many_cars_with_codes
from disturbed import Record, disturbed_stream, fleet
from driving import RULES
from lakes import lake_of
from pyspark.sql import DataFrame, SparkSession

from cold_path.views.alert_history import alert_history, history_fold
from cold_path.views.history_fold import Ruling
from contracts.alert import Alert
from rules import default_rules_file, parse_rules
from rules.limits import MANY_CODES, SET_APART

FLEET = fleet(12)
TEXT = default_rules_file().read_text(encoding="utf-8")
COMPARED = ("alert_id", "change", "rule", "state", "raised_at_ms", "changed_at_ms", "partition", "offset", "message")


def told(alerts: list[Alert]) -> list[tuple[object, ...]]:
    return sorted(tuple(getattr(alert, name) for name in COMPARED) for alert in alerts)


def in_view(history: DataFrame) -> list[tuple[object, ...]]:
    return sorted(tuple(row) for row in alert_history(history).select(*COMPARED).collect())


@pytest.mark.parametrize("seed", [31, 32])
def test_history_raises_what_the_hot_path_raised(spark: SparkSession, seed: int) -> None:
    records = disturbed_stream(seed)
    hot = HotPath(RULES, FLEET).read(records, flush_every=100).alerts
    assert len(hot) > 10
    assert in_view(history_fold(lake_of(spark, records), Ruling(TEXT, FLEET))) == told(hot)


FEW = TEXT.replace("new_vehicles_an_hour = 1000", "new_vehicles_an_hour = 9")


def test_history_sets_the_same_cars_apart_and_watches_the_same_new_ones_in_two_parts(
    spark: SparkSession, tmp_path: Path
) -> None:
    records = demanding_stream(81)
    hot = HotPath(parse_rules(FEW), FLEET).read(records, flush_every=100).alerts
    assert {SET_APART.name, MANY_CODES.name} <= {alert.rule for alert in hot}
    first = records[: len(records) * 3 // 5]
    before = history_fold(lake_of(spark, first), Ruling(FEW, FLEET)).cache()
    before.where("kind = 'state'").write.partitionBy("at_partition").parquet(str(tmp_path / "states"))
    after = history_fold(lake_of(spark, later(records, first)), Ruling(FEW, FLEET, str(tmp_path / "states")))
    assert sorted(map(event, in_view(before) + in_view(after))) == sorted(map(event, told(hot)))


def test_history_makes_the_same_codes_wait_in_two_parts(spark: SparkSession, tmp_path: Path) -> None:
    records = many_cars_with_codes(82)
    hot = HotPath(RULES, FLEET).read(records, flush_every=100)
    assert sum(fold.judge.codes_waiting for fold in hot.folds.values()) > 100
    first = records[: len(records) // 12]  # while codes wait
    before = history_fold(lake_of(spark, first), Ruling(TEXT, FLEET)).cache()
    before.where("kind = 'state'").write.partitionBy("at_partition").parquet(str(tmp_path / "states"))
    after = history_fold(lake_of(spark, later(records, first)), Ruling(TEXT, FLEET, str(tmp_path / "states")))
    assert sorted(in_view(before) + in_view(after)) == told(hot.alerts)


def event(alert: tuple[object, ...]) -> tuple[object, ...]:
    """Return what was told but for the offset, which for a silence depends on when somebody looked."""
    return tuple(value for name, value in zip(COMPARED, alert, strict=True) if name != "offset")


def test_a_fold_that_goes_on_raises_what_an_unbroken_one_does(spark: SparkSession, tmp_path: Path) -> None:
    records = disturbed_stream(33)
    ends = {record.partition: record.offset for record in records}
    first = [record for record in records if record.offset <= ends[record.partition] * 2 // 5]
    before = history_fold(lake_of(spark, first), Ruling(TEXT, FLEET)).cache()
    before.where("kind = 'state'").write.partitionBy("at_partition").parquet(str(tmp_path / "states"))
    after = history_fold(lake_of(spark, later(records, first)), Ruling(TEXT, FLEET, str(tmp_path / "states")))
    whole = history_fold(lake_of(spark, records), Ruling(TEXT, FLEET))
    assert sorted(in_view(before) + in_view(after)) == in_view(whole)
    states = "kind = 'state'"
    assert sorted(after.where(states).collect()) == sorted(whole.where(states).collect())


def later(records: list[Record], first: list[Record]) -> list[Record]:
    done = {(record.partition, record.offset) for record in first}
    return [record for record in records if (record.partition, record.offset) not in done]
