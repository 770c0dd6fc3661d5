from __future__ import annotations

import pytest

from cold_path.lake.ledger import Entry, agreed, following, newest, written
from contracts.errors import InvalidInput, MalformedRecord

ENTRY = Entry(number=4, topic="vehicle-readings", covered={"0": 10, "11": 3})


def test_an_entry_reads_as_it_was_written() -> None:
    assert newest([written(ENTRY)]) == ENTRY


def test_commits_of_others_are_passed_over() -> None:
    assert (
        newest(
            [
                None,
                "",
                "compacted",
                '{"type":"other"}',
                written(ENTRY),
                written(following(None, topic="t", ends={}, lost={})),
            ]
        )
        == ENTRY
    )


def test_a_lake_without_an_entry_covers_nothing() -> None:
    assert newest([None]) is None
    assert agreed(None, {}) == {}


def test_entries_count_up_and_cover_the_planned_ends() -> None:
    entry = following(ENTRY, topic="vehicle-readings", ends={0: 12, 11: 3}, lost={0: (10, 11)})
    assert (entry.number, entry.offsets, entry.lost) == (5, {0: 12, 11: 3}, {"0": (10, 11)})


def test_a_lake_keeps_to_its_topic() -> None:
    with pytest.raises(InvalidInput, match="vehicle-readings"):
        following(ENTRY, topic="another", ends={}, lost={})


def test_holes_before_the_covered_offset_are_no_contradiction() -> None:
    assert agreed(ENTRY, {0: 7}) == {0: 10, 11: 3}


def test_a_row_that_the_ledger_does_not_cover_is_a_contradiction() -> None:
    with pytest.raises(MalformedRecord, match="offset 10 of partition 0"):
        agreed(ENTRY, {0: 10})
