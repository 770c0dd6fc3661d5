"""Whatever partitions hold, a fold that goes on is the fold of all, and the lake can be kept up and erased from."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import example, given, settings
from hypothesis import strategies as st
from lakes import append
from partitions import Holds, ends_of, records_of, vin_in

from cold_path.history.scan import ALL_ROWS, Wanted
from cold_path.lake.erasure import erase_from_lake
from cold_path.lake.status import lake_status
from cold_path.lake.table import Lake
from cold_path.lake.upkeep import keep_up
from cold_path.views.history_fold import ALERT, FOLD_SCHEMA, STATE, Ruling, folded
from contracts.topics import READING_PARTITIONS
from rules import default_rules_file

TEXT = default_rules_file().read_text(encoding="utf-8")
held_by_partitions = st.lists(st.sampled_from(Holds), min_size=READING_PARTITIONS, max_size=READING_PARTITIONS)
nothing = [Holds.NOTHING] * READING_PARTITIONS
only_rejected = [Holds.REJECTED_TWICE] * READING_PARTITIONS


def fresh(folder: Path) -> Lake:
    lake = Lake(folder)
    lake.refresh()
    return lake


def told(lake: Lake, wanted: Wanted = ALL_ROWS, states: Path | None = None) -> list[dict[str, Any]]:
    """Fold the lake's rows of all partitions; give alerts and states."""
    assert lake.state is not None
    ruling = Ruling(TEXT, states=None if states is None else str(states))
    batches = folded(range(READING_PARTITIONS), tuple(sorted(lake.state.files)), ruling, wanted)
    return [row for batch in batches for row in batch.to_pylist()]


def write_states(rows: list[dict[str, Any]], folder: Path) -> None:
    """Write states as a version has them: by partition, and nothing of a partition that had no record."""
    folder.mkdir()
    for partition in {row["at_partition"] for row in rows}:
        of_partition = [row for row in rows if row["at_partition"] == partition and row["kind"] == STATE]
        (folder / f"at_partition={partition}").mkdir()
        table = pa.Table.from_pylist(of_partition, FOLD_SCHEMA)
        pq.write_table(table, folder / f"at_partition={partition}" / "part.parquet")


def of_kind(rows: list[dict[str, Any]], kind: str) -> list[tuple[str, bytes]]:
    return sorted((row["key"], row["value"]) for row in rows if row["kind"] == kind)


@settings(max_examples=20)
@given(held_by_partitions)
@example(nothing)
@example(only_rejected)
@example([Holds.REJECTED_LATER] * READING_PARTITIONS)
def test_a_fold_that_goes_on_is_the_fold_of_all(held: list[Holds]) -> None:
    first, later = records_of(held)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        entry = append(home / "lake", first, None, ends=ends_of(first))
        before = told(fresh(home / "lake"))
        write_states(before, home / "states")
        append(home / "lake", later, entry, ends=ends_of(first, later))
        lake = fresh(home / "lake")
        after = told(lake, Wanted(entry.offsets), home / "states")
        whole = told(lake)
    assert sorted(of_kind(before, ALERT) + of_kind(after, ALERT)) == of_kind(whole, ALERT)
    touched = {row["at_partition"] for row in after}
    assert touched == {record.partition for record in later}
    kept = [row for row in before if row["at_partition"] not in touched]
    assert of_kind(kept + after, STATE) == of_kind(whole, STATE)


@settings(max_examples=8)
@given(held_by_partitions)
@example(nothing)
@example(only_rejected)
@example([Holds.GOOD, *nothing[1:]])
def test_a_lake_is_told_kept_up_and_erased_from_whatever_it_holds(held: list[Holds]) -> None:
    first, later = records_of(held)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        entry = append(home, first, None, ends=ends_of(first))
        append(home, later, entry, ends=ends_of(first, later))
        lake = fresh(home)
        assert lake.state is not None
        assert lake_status(home).rows == len(first) + len(later)
        assert lake.later_days(entry.offsets, since_version=0) <= lake.state.days
        keep_up(lake, most_small_files=1, keep_days=0)
        erased = erase_from_lake(fresh(home), vin_in(0))
        assert (erased > 0) == ("GOOD" in held[0].name)
        left = fresh(home)
        assert (left.survey.rows, left.covered) == (len(first) + len(later) - erased, ends_of(first, later))
        assert lake_status(home).rows == left.survey.rows
        keep_up(left, most_small_files=1, keep_days=1)
        assert erase_from_lake(fresh(home), vin_in(0)) == 0
