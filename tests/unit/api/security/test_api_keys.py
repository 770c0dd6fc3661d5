from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from keyed_api import key_of
from serving import NOW_MS

from api.security.keys import KeyRing, digest, read_keys, revoked, write_keys
from api.security.rate import RateLimit
from api.server import serve
from api.settings import ServeSettings
from contracts.errors import InvalidInput


def test_without_keys_everything_is_open_and_with_the_first_key_nothing_is(
    client: Callable[..., Any], keys: Path
) -> None:
    assert client("GET", "/v1/attention").status_code == 200
    mine = key_of(keys, "ann")
    answer = client("GET", "/v1/attention")
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert answer.headers["content-type"] == "application/problem+json"
    assert "api keys add" in answer.json()["detail"]
    assert client("GET", "/v1/attention", mine).status_code == 200
    assert client("GET", "/v1/attention", {"X-API-Key": mine["Authorization"][7:]}).status_code == 200
    assert [client("GET", path).status_code for path in ("/", "/health/live", "/docs", "/openapi.json")] == [200] * 4
    assert client("GET", "/metrics").status_code == 401


def test_a_revoked_key_ends_at_once_and_leaves_the_door_locked(client: Callable[..., Any], keys: Path) -> None:
    mine = key_of(keys, "ann")
    assert client("GET", "/v1/rules", mine).status_code == 200
    write_keys(keys, revoked(read_keys(keys), "ann", at_ms=NOW_MS))
    assert client("GET", "/v1/rules", mine).status_code == 401
    keys.unlink()
    assert client("GET", "/v1/rules").status_code == 401


@pytest.mark.parametrize("sent", ["", "cc_", "Bearer", "x" * 5000, "🚗"])
def test_what_is_no_key_of_ours_opens_nothing(client: Callable[..., Any], keys: Path, sent: str) -> None:
    key_of(keys, "ann")
    assert client("GET", "/v1/rules", {"X-API-Key": sent.encode()}).status_code == 401


@pytest.mark.parametrize("app", [1], indirect=True)
def test_who_asks_too_often_is_told_when_to_come_back(client: Callable[..., Any], keys: Path) -> None:
    hasty, other = key_of(keys, "hasty"), key_of(keys, "other")
    answers = [client("GET", "/v1/rules", hasty) for _ in range(60)]
    assert answers[0].status_code == 200
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert client("GET", "/v1/rules", other).status_code == 200


def test_keys_that_cannot_be_read_let_nobody_in_and_say_why(client: Callable[..., Any], keys: Path) -> None:
    key_of(keys, "ann")
    keys.write_text("{")
    answer = client("GET", "/v1/rules")
    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
    assert "--keys" in answer.json()["detail"]


def test_what_is_wrong_with_the_keys_is_told_to_the_log_alone(
    client: Callable[..., Any], keys: Path, caplog: pytest.LogCaptureFixture
) -> None:
    key_of(keys, "ann")
    client("GET", "/v1/rules")
    secret = "0123456789abcdef" * 4
    keys.write_text(secret)
    answers = [client("GET", "/v1/rules") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [503] * 3
    assert not any(told in answers[0].text for told in (secret[:8], str(keys), keys.name))
    assert len([record for record in caplog.records if "keys cannot be read" in record.message]) == 1
    assert [client("GET", path).status_code for path in ("/", "/health/live", "/docs", "/openapi.json")] == [200] * 4


def test_only_hashes_are_kept_and_only_the_owner_reads_them(keys: Path) -> None:
    key = key_of(keys, "ann")["Authorization"][7:]
    assert key not in keys.read_text()
    assert digest(key) in keys.read_text()
    assert keys.stat().st_mode & 0o777 == 0o600
    with pytest.raises(InvalidInput, match="already"):
        key_of(keys, "ann")
    with pytest.raises(InvalidInput, match="no key 'bob'"):
        revoked(read_keys(keys), "bob", at_ms=1)


def test_a_file_of_keys_that_is_damaged_stops_the_start(keys: Path) -> None:
    keys.write_text("{")
    with pytest.raises(InvalidInput, match="--keys"):
        KeyRing(keys)


def test_an_open_address_takes_a_key(keys: Path) -> None:
    with pytest.raises(InvalidInput, match="api keys add"):
        serve(ServeSettings(host="0.0.0.0", keys=keys))  # noqa: S104


def test_what_is_given_back_can_be_taken_again() -> None:
    limit = RateLimit(1)
    assert [limit.wait_s("k", 0.0) for _ in range(2)] == [0.0] * 2
    assert limit.wait_s("k", 0.0) > 0
    limit.give_back("k")
    assert limit.wait_s("k", 0.0) == 0.0


def test_a_bucket_fills_at_its_rate_up_to_its_burst() -> None:
    limit = RateLimit(10)
    assert [limit.wait_s("k", 0.0) for _ in range(20)] == [0.0] * 20
    assert limit.wait_s("k", 0.0) == pytest.approx(0.1)
    assert limit.wait_s("k", 0.1) == 0.0
    assert limit.wait_s("k", 1000.0) == 0.0
    assert all(RateLimit(0).wait_s("k", 0.0) == 0 for _ in range(1000))
