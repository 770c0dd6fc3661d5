from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from contracts.errors import MalformedRecord
from contracts.reason import REASONS, Reason
from contracts.rejection import Rejection, from_headers, headers_behind, rejection, rejection_of_many, to_headers


def test_a_rejection_survives_its_headers() -> None:
    rejected = rejection(
        b"{", reason="not_json", detail="truncated", topic="vehicle-readings", partition=3, offset=17, received_at_ms=5
    )
    assert from_headers(to_headers(rejected)) == rejected


def test_a_rejection_is_a_function_of_the_record() -> None:
    facts: dict[str, Any] = {"detail": "x" * 900, "topic": "t", "partition": 0, "offset": 1, "received_at_ms": 2}
    assert to_headers(rejection(b"x", reason="not_json", **facts)) == to_headers(
        rejection(b"x", reason="not_json", **facts)
    )


def test_missing_headers_are_named() -> None:
    with pytest.raises(MalformedRecord, match="unusable headers"):
        from_headers([("reason", b"not_json")])


def test_a_number_that_no_store_holds_is_malformed() -> None:
    rejected = rejection(
        b"{", reason="not_json", detail="truncated", topic="vehicle-readings", partition=3, offset=17, received_at_ms=5
    )
    headers = [(name, b"9" * 25 if name == "source-offset" else value) for name, value in to_headers(rejected)]
    with pytest.raises(MalformedRecord, match="source_offset"):
        from_headers(headers)


def _of_many(**reasons: int) -> Rejection:
    counted: Counter[Reason] = Counter(reasons)  # type: ignore[arg-type]  # names of reasons
    return rejection_of_many(counted, topic="vehicle-readings", partition=3, offsets=(17, 600_016), received_at_ms=5)


def test_a_rejection_of_many_survives_its_headers() -> None:
    story = _of_many(not_json=500_000, bad_vin=99_999)
    assert from_headers(to_headers(story)) == story
    assert (story.number, story.reason, story.source_offset, story.last_offset) == (599_999, "not_json", 17, 600_016)
    assert len(_of_many(**dict.fromkeys(REASONS, 10**8)).detail) < 500


def test_one_that_does_not_tell_a_number_stands_for_one() -> None:
    story = rejection(b"{", reason="not_json", detail="", topic="t", partition=0, offset=9, received_at_ms=5)
    assert (story.number, story.last_offset) == (1, 9)
    assert not {"records", "source-last-offset"} & dict(to_headers(story)).keys()


@pytest.mark.parametrize("records", [b"0", b"-1", b"2147483648", b"many", b""])
def test_an_impossible_number_of_records_is_malformed(records: bytes) -> None:
    with pytest.raises(MalformedRecord, match="records"):
        from_headers([*to_headers(_of_many(not_json=2)), ("records", records)])


def test_a_records_own_headers_say_nothing_of_its_rejection() -> None:
    story = rejection(b"{", reason="not_json", detail="", topic="t", partition=0, offset=9, received_at_ms=5)
    own = [("records", b"5"), ("source-last-offset", b"20"), ("source_last_offset", b"20"), ("reason", b"forged")]
    assert from_headers(headers_behind(own, story)) == story
