"""The command `cold-path backtest`: the rules' fold over the lake between two broker times."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pyspark.sql import functions as F  # noqa: N812 - the idiom

from cold_path.backtest.outcome import outcomes, read_truth
from cold_path.backtest.telling import Backtested
from cold_path.history.scan import ALL_ROWS, Wanted
from cold_path.lake.rows import rows_of
from cold_path.lake.table import Lake
from cold_path.source.registry import registry_now
from cold_path.spark.session import spark_session
from cold_path.views.alert_history import history_fold
from cold_path.views.history_fold import ALERT, Ruling
from contracts.alert import Alert
from contracts.codec import decode
from contracts.errors import InvalidInput
from rules import default_rules_file, load_rules

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from cold_path.settings import Backtest


def backtest(asked: Backtest, *, now_s: Callable[[], float]) -> Backtested:
    """Fold what the lake holds of that time; episodes that were open before it began are not known.

    Raises InvalidInput for rules, truth or lake, Unavailable without a broker or Java.
    """
    file = asked.rules or default_rules_file()
    rules = load_rules(file)
    truth = None if asked.truth is None else read_truth(asked.truth)
    lake = Lake(asked.lake)
    lake.refresh()
    if lake.state is None:
        raise InvalidInput(f"{asked.lake} holds no lake; `cold-path run` makes one, or name its folder with --lake")
    registry = asyncio.run(registry_now(asked.bootstrap, asked.vehicles_topic, wait_s=asked.wait))
    began_s = now_s()
    session = spark_session(
        master=asked.master,
        driver_memory=asked.driver_memory,
        java_options=asked.java_options,
        jars=asked.jars,
        log=asked.spark_log,
    )
    with session as spark:
        rows, wanted = rows_of(spark, asked.lake, lake.state.version), between(asked.from_, asked.to)
        history = history_fold(rows, Ruling(file.read_text(encoding="utf-8"), registry.vehicles), wanted)
        values = history.where(F.col("kind") == ALERT).select("value").collect()
        received = F.col("received_at_ms").between(wanted.received_from_ms, wanted.received_before_ms - 1)
        records = rows.where(received).count()
    alerts = [decode(bytes(row.value), Alert) for row in values]
    return Backtested(rules.hash, records, round(now_s() - began_s, 1), outcomes(alerts, truth), truth is not None)


def between(first: datetime | None, end: datetime | None) -> Wanted:
    """Want the records received from `first` on, before `end`."""
    from_ms = ALL_ROWS.received_from_ms if first is None else round(first.timestamp() * 1000)
    before_ms = ALL_ROWS.received_before_ms if end is None else round(end.timestamp() * 1000)
    return Wanted(received_from_ms=from_ms, received_before_ms=before_ms)
