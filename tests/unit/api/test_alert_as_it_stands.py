from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from serving import NOW_MS, an_alert

from api import episode
from api.episode import MOST_ACTIONS, MOST_CHANGES, Action, Change, folded, kept_actions, kept_changes
from contracts.alert import ActionKind, AlertAction, AlertState

RAISED = Change(an_alert(change=1, evidence={"coolant_c": 111.0}), NOW_MS)
ESCALATED = Change(an_alert(change=2, state="escalated", severity="critical", worst={"coolant_c": 121.0}), NOW_MS + 100)
CLEARED = Change(an_alert(change=3, state="cleared", clear_reason="recovered", message="over"), NOW_MS + 200)


def acknowledged(at_ms: int) -> Action:
    return Action(AlertAction("a1", f"k{at_ms}", "acknowledge", "ann", at_ms), at_ms)


def resolved(at_ms: int) -> Action:
    return Action(AlertAction("a1", f"r{at_ms}", "resolve", "bob", at_ms, force=True, note="towed"), at_ms)


def test_a_raised_alert_is_open_and_needs_attention() -> None:
    row = folded([RAISED], [])
    assert (row["is_open"], row["needs_attention"], row["severity"]) == (True, True, "warning")


def test_an_acknowledgement_persists_until_an_escalation_after_it() -> None:
    assert folded([RAISED], [acknowledged(NOW_MS + 50)])["needs_attention"] is False
    assert folded([RAISED, ESCALATED], [acknowledged(NOW_MS + 50)])["needs_attention"] is True
    assert folded([RAISED, ESCALATED], [acknowledged(NOW_MS + 150)])["needs_attention"] is False


def test_a_resolved_alert_is_closed_until_it_gets_worse() -> None:
    assert folded([RAISED], [resolved(NOW_MS + 50)])["is_open"] is False
    assert folded([RAISED, ESCALATED], [resolved(NOW_MS + 50)])["is_open"] is True


def test_a_cleared_alert_keeps_evidence_worst_and_message() -> None:
    row = folded([RAISED, ESCALATED, CLEARED], [])
    assert (row["state"], row["is_open"], row["needs_attention"]) == ("cleared", False, False)
    assert (row["message"], row["evidence"], row["worst"]) == ("hot", '{"coolant_c":111.0}', '{"coolant_c":121.0}')
    assert (row["available_at_ms"], row["cleared_at_ms"]) == (NOW_MS, NOW_MS + 3)


@given(st.permutations([RAISED, ESCALATED, CLEARED]), st.permutations([acknowledged(NOW_MS + 1), resolved(NOW_MS + 2)]))
def test_the_order_of_events_does_not_matter(changes: list[Change], actions: list[Action]) -> None:
    in_order = folded([RAISED, ESCALATED, CLEARED], [acknowledged(NOW_MS + 1), resolved(NOW_MS + 2)])
    assert folded(changes, actions) == in_order


def test_a_resolution_without_force_does_not_close_an_episode_that_goes_on() -> None:
    unforced = Action(AlertAction("a1", "u", "resolve", "bob", NOW_MS), NOW_MS + 50)
    assert folded([RAISED], [unforced])["is_open"] is True
    assert folded([RAISED], [unforced, resolved(NOW_MS + 20)])["is_open"] is False


def a_change(change: int, available_at_ms: int, state: AlertState, tells: str) -> Change:
    told: dict[str, Any] = {tells: {"coolant_c": float(change)}}
    return Change(an_alert(change=change, state=state, message=f"m{change}", **told), available_at_ms)


states: list[AlertState] = ["raised", "escalated", "cleared"]
kinds: list[ActionKind] = ["acknowledge", "resolve", "note"]
some_changes = st.dictionaries(
    st.integers(1, 30),
    st.tuples(st.integers(0, 9), st.sampled_from(states), st.sampled_from(["evidence", "worst"])),
).map(lambda given: [a_change(number, *rest) for number, rest in given.items()])
some_actions = st.dictionaries(
    st.integers(1, 30), st.tuples(st.integers(0, 9), st.sampled_from(kinds), st.booleans())
).map(
    lambda given: [
        Action(AlertAction("a1", f"k{number}", kind, f"p{number}", at_ms, force=force), at_ms)
        for number, (at_ms, kind, force) in given.items()
    ]
)


@given(some_changes.filter(bool), some_actions, st.integers(0, 30), st.integers(0, 30))
def test_an_alert_stands_as_it_would_if_all_of_its_events_were_kept_however_they_are_cut(
    changes: list[Change], actions: list[Action], cut: int, repeated: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(episode, "MOST_CHANGES", 3)
        patch.setattr(episode, "MOST_ACTIONS", 3)
        kept, done = kept_changes(changes[:cut]), kept_actions(actions[:cut])
        kept, done = kept_changes([*kept, *changes[cut:]]), kept_actions([*done, *actions[cut:]])
        assert (kept, done) == (kept_changes(changes), kept_actions(actions))
        assert (len(kept) <= 3 + 5, len(done) <= 3 + 3) == (True, True)
        known = {change.alert.change for change in kept}
        again = [change for change in changes[:repeated] if change.alert.change not in known]
        assert kept_changes([*kept, *again]) == kept
    assert folded(kept, done) == folded(changes, actions)


def test_of_an_honest_alert_every_event_is_kept_and_of_a_flood_the_latest() -> None:
    honest = [RAISED, ESCALATED, CLEARED]
    assert kept_changes(honest) == honest
    flood = [RAISED, *(Change(an_alert(change=n), NOW_MS + n) for n in range(2, 5_000))]
    numbers = [change.alert.change for change in kept_changes(flood)]
    assert numbers == [1, *range(5_000 - MOST_CHANGES, 5_000)]
    notes = [Action(AlertAction("a1", f"n{n}", "note", "ann", n), n) for n in range(5_000)]
    done = kept_actions([acknowledged(-1), *notes])
    assert [action.available_at_ms for action in done] == [-1, *range(5_000 - MOST_ACTIONS, 5_000)]
