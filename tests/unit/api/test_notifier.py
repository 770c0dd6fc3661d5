from __future__ import annotations

from pathlib import Path

import pytest
from serving import NOW_MS, an_alert

from api.notifier.delivery import GIVEN_UP_AFTER_MS, LONGEST_WAIT_MS, Answer, Verdict, judged
from api.notifier.ledger import Delivery, Ledger
from api.notifier.signature import is_genuine, signed
from api.notifier.webhook import Webhook, load_webhooks
from contracts.errors import InvalidInput

SECRET = "sixteen characters"  # noqa: S105 - of a test


def a_webhook(**given: object) -> Webhook:
    return Webhook("w", "http://127.0.0.1/x", SECRET, **given)  # type: ignore[arg-type]


def a_delivery(alert_id: str = "a", change: int = 1, attempts: int = 0) -> Delivery:
    return Delivery("w", alert_id, change, b"{}", NOW_MS, attempts)


@pytest.mark.parametrize(
    ("wish", "is_wanted"),
    [
        ({}, True),
        ({"rules": ("coolant",)}, True),
        ({"rules": ("oil",)}, False),
        ({"severities": ("critical",)}, False),
        ({"severities": ("warning",), "fleets": ("north",), "states": ("raised",)}, True),
        ({"fleets": ("south",)}, False),
        ({"states": ("cleared",)}, False),
    ],
)
def test_a_webhook_wants_what_all_its_lists_hold(wish: dict[str, tuple[str, ...]], is_wanted: bool) -> None:  # noqa: FBT001
    assert a_webhook(**wish).wants(an_alert(), "north") is is_wanted


def test_a_car_in_no_registry_belongs_to_no_fleet() -> None:
    assert not a_webhook(fleets=("north",)).wants(an_alert(), None)


def test_a_signature_proves_body_time_and_secret() -> None:
    header = signed(SECRET, b"body", 1000)
    assert is_genuine(SECRET, b"body", header, 1010)
    assert not is_genuine(SECRET, b"b0dy", header, 1010)
    assert not is_genuine("another secret of ours", b"body", header, 1010)
    assert not is_genuine(SECRET, b"body", header, 2000)
    assert not is_genuine(SECRET, b"body", header.replace("t=1000", "t=1009"), 1010)
    assert not is_genuine(SECRET, b"body", "nonsense", 1010)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, "delivered"), (204, "delivered"), (301, "dead"), (400, "dead"), (404, "dead"), (410, "dead"),
        (408, "waiting"), (429, "waiting"), (500, "waiting"), (503, "waiting"), (None, "waiting"),
    ],
)  # fmt: skip
def test_what_the_receiver_refuses_is_dead_and_what_fails_is_tried_again(status: int | None, outcome: str) -> None:
    assert judged(Answer(status, ""), a_delivery(), NOW_MS).outcome == outcome


def test_waits_double_up_to_a_bound_and_end_after_a_day() -> None:
    failed = Answer(500, "")
    waits = [judged(failed, a_delivery(attempts=n), NOW_MS).wait_ms for n in range(30)]
    assert waits[:4] == [1_000, 2_000, 4_000, 8_000]
    assert max(waits) == waits[-1] == LONGEST_WAIT_MS
    assert judged(failed, a_delivery(), NOW_MS + GIVEN_UP_AFTER_MS + 1) == Verdict("dead")


def test_a_change_is_taken_once_whatever_is_read_again(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.db")
    ledger.take([a_delivery()], {3: 7})
    ledger.settle(a_delivery(), "delivered")
    ledger.close()
    again = Ledger(tmp_path / "ledger.db")
    again.take([a_delivery()], {3: 7})
    assert (again.due("w", NOW_MS, most=9), again.positions(), again.count("delivered")) == ([], {3: 7}, 1)


def test_changes_of_an_alert_are_delivered_in_order(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.db")
    ledger.take([a_delivery("a", 2), a_delivery("a", 1), a_delivery("b", 5)], {})
    assert {(one.alert_id, one.change) for one in ledger.due("w", NOW_MS, most=9)} == {("a", 1), ("b", 5)}
    ledger.postpone(a_delivery("a", 1), NOW_MS + 1_000, "500")
    assert [one.alert_id for one in ledger.due("w", NOW_MS, most=9)] == ["b"]
    ledger.settle(a_delivery("a", 1), "dead", "404")
    assert {(one.alert_id, one.change) for one in ledger.due("w", NOW_MS, most=9)} == {("a", 2), ("b", 5)}
    assert ledger.revive(NOW_MS) == 1
    assert {(one.alert_id, one.change) for one in ledger.due("w", NOW_MS, most=9)} == {("a", 1), ("b", 5)}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[webhook", "docs/api.md"),
        ('[[webhook]]\nname = "w"\nurl = "http://x"\n', "secret"),
        ('[[webhook]]\nname = "w"\nurl = "http://x"\nsecret = "short"\n', "secret"),
        ('[[webhook]]\nname = "w"\nurl = "ftp://x"\nsecret = "sixteen characters"\n', "url"),
        ('[[webhook]]\nname = "w"\nurl = "http://x"\nsecret = "sixteen characters"\nseverity = "info"\n', "severity"),
        ('[[webhook]]\nname = "w"\nurl = "http://x"\nsecret = "sixteen characters"\n' * 2, "stands twice"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_by_place(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "w.toml").write_text(text)
    with pytest.raises(InvalidInput, match=told):
        load_webhooks(tmp_path / "w.toml")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="nowhere"):
        load_webhooks(tmp_path / "nowhere.toml")
