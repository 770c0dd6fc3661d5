from __future__ import annotations

import pytest

from stack.verification import Verdicts


def test_merged_equals_recomputed_only_when_both_comparisons_say_so() -> None:
    assert Verdicts(flowing=True, drained=True).equal is True
    assert Verdicts(flowing=True, drained=True).complaints() == []


@pytest.mark.parametrize(
    ("verdicts", "equal", "named"),
    [
        (Verdicts(flowing=False, drained=True), False, "differ from the recomputed ones, while the stream flowed"),
        (Verdicts(flowing=None, drained=True), None, "no verdict on the merged answers, while the stream flowed"),
        (Verdicts(flowing=True, drained=False), False, "differ from the recomputed ones, after everything was read"),
    ],
)
def test_one_comparison_that_fails_is_a_complaint_that_names_it(verdicts: Verdicts, equal: object, named: str) -> None:
    assert verdicts.equal is equal
    assert [named in told for told in verdicts.complaints()] == [True]


def test_both_are_named_when_both_fail_and_unequal_outweighs_unknown() -> None:
    assert Verdicts(flowing=None, drained=False).equal is False
    assert len(Verdicts(flowing=None, drained=False).complaints()) == 2
