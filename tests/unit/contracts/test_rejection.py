from __future__ import annotations

from typing import Any

import pytest

from contracts.errors import MalformedRecord
from contracts.rejection import from_headers, rejection, to_headers


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
