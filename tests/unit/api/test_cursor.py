from __future__ import annotations

import pytest

from api.cursor import cursor_after, read_cursor
from contracts.errors import InvalidInput

QUERY = ("best", "vehicle")


@pytest.mark.parametrize("value", [10**30, -(2**63) - 1, "\ud800"])
def test_a_value_that_no_store_compares_with_is_refused(value: object) -> None:
    token = cursor_after(QUERY, [value])
    with pytest.raises(InvalidInput, match="changed"):
        read_cursor(QUERY, token, type(value))


def test_a_cursor_survives_its_token() -> None:
    assert read_cursor(QUERY, cursor_after(QUERY, [7, "VIN é"]), int, str) == [7, "VIN é"]
