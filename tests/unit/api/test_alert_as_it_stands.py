from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from serving import NOW_MS, an_alert

from api.episode import Action, Change, folded
from contracts.alert import AlertAction

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
