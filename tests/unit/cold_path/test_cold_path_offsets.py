from __future__ import annotations

import pytest

from cold_path.source.offsets import Bounds, plan
from contracts.errors import InvalidInput


def test_a_run_takes_what_lies_between_the_lake_and_the_broker_s_end() -> None:
    planned = plan({0: 5, 1: 7}, Bounds({0: 0, 1: 0}, {0: 9, 1: 7}))
    assert (planned.starts, planned.ends, planned.offsets) == ({0: 5, 1: 7}, {0: 9, 1: 7}, 4)


def test_an_open_transaction_holds_its_partition_back() -> None:
    bounds = Bounds({0: 0, 1: 0}, {0: 6, 1: 7}, {0: 9})
    planned = plan({0: 5, 1: 5}, bounds)
    assert (planned.ends, planned.offsets, bounds.held_from) == ({0: 6, 1: 7}, 3, {0: 6})
    assert [bounds.high_watermark(partition) for partition in (0, 1, 2)] == [9, 7, None]


def test_a_transaction_that_is_open_below_what_is_covered_is_no_other_topic() -> None:
    planned = plan({0: 8}, Bounds({0: 0}, {0: 6}, {0: 9}))
    assert (planned.starts, planned.ends, planned.offsets) == ({0: 8}, {0: 8}, 0)
    with pytest.raises(InvalidInput, match="another topic"):
        plan({0: 10}, Bounds({0: 0}, {0: 6}, {0: 9}))


def test_an_empty_lake_starts_at_the_beginning() -> None:
    planned = plan({}, Bounds({0: 0, 1: 0}, {0: 2, 1: 0}))
    assert (planned.starts, planned.offsets, planned.lost) == ({0: 0, 1: 0}, 2, {})


def test_expired_offsets_stop_the_run_and_are_named() -> None:
    with pytest.raises(InvalidInput, match=r"partition 1: 7 to 19.*--accept-loss"):
        plan({0: 5, 1: 7}, Bounds({0: 5, 1: 20}, {0: 9, 1: 30}))


def test_offsets_that_expired_before_the_first_run_are_a_loss_too() -> None:
    with pytest.raises(InvalidInput, match="partition 0: 0 to 2"):
        plan({}, Bounds({0: 3}, {0: 9}))


def test_an_accepted_loss_is_kept_and_the_run_goes_on_behind_it() -> None:
    planned = plan({0: 7}, Bounds({0: 20}, {0: 30}), accept_loss=True)
    assert (planned.starts, planned.lost, planned.offsets) == ({0: 20}, {0: (7, 20)}, 10)


@pytest.mark.parametrize("bounds", [Bounds({0: 0}, {0: 3}), Bounds({1: 0}, {1: 9})])
def test_a_broker_that_ends_below_the_lake_is_another_one(bounds: Bounds) -> None:
    with pytest.raises(InvalidInput, match="another topic"):
        plan({0: 5}, bounds)
