from __future__ import annotations

import json

import pytest
from driving import a_reading
from hypothesis import given
from hypothesis import strategies as st

from contracts.alert import Alert
from contracts.codec import decode, decode_reading, encode
from contracts.errors import MalformedReading, MalformedRecord
from contracts.reading import Reading

WHOLE = json.loads(encode(a_reading(1)))

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)


def changed(**fields: object) -> bytes:
    return json.dumps(WHOLE | fields).encode()


@given(st.binary(max_size=300))
def test_any_bytes_decode_or_are_malformed(value: bytes) -> None:
    decodes_or_is_malformed(value)


@given(st.dictionaries(st.sampled_from(sorted(Reading.__struct_fields__)), json_values, max_size=6))
def test_any_fields_decode_or_are_malformed(fields: dict[str, object]) -> None:
    decodes_or_is_malformed(changed(**fields))


@given(st.integers(0, 700), st.integers(0, 255))
def test_any_damaged_byte_decodes_or_is_malformed(at: int, byte: int) -> None:
    value = bytearray(changed())
    value[at % len(value)] = byte
    decodes_or_is_malformed(bytes(value))


def decodes_or_is_malformed(value: bytes) -> None:
    try:
        assert isinstance(decode_reading(value), Reading)
    except MalformedReading as error:
        assert error.detail  # noqa: PT017 - either outcome is right


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "not_json"),
        (b"", "not_json"),
        (b"hello", "not_json"),
        (b'{"vehicle_id": NaN}', "not_json"),
        (changed() + b" {}", "not_json"),
        (b"\xef\xbb\xbf" + changed(), "not_json"),
        (b"{" * 100_000, "too_large"),
        (b'{"x":' + b"[" * 3_000 + b"]" * 3_000 + b"}", "not_json"),
        (b'{"x":' + b"[" * 480 + b"]" * 480 + b"}", "missing_field"),
        (b"[]", "wrong_type"),
        (b"{}", "missing_field"),
        (changed(sequence=None), "missing_field"),
        (changed(sequence=-1), "wrong_type"),
        (changed(sequence=2**53), "wrong_type"),
        (changed(speed_kmh="fast"), "wrong_type"),
        (changed(oil_level="MEDIUM"), "wrong_type"),
        (changed(tyre_pressures_kpa=[230, 230, 230]), "wrong_type"),
        (changed(trouble_codes=[1]), "wrong_type"),
        (changed().replace(b'"trip_distance_m": 16', b'"trip_distance_m": 1e12'), "wrong_type"),
        (changed().replace(b'"trip_distance_m": 16', b'"trip_distance_m": 16.0'), "wrong_type"),
        (changed().replace(b'"speed_kmh": 60.0', b'"speed_kmh": 1e400'), "wrong_type"),
        (changed(note="x" * 70_000), "too_large"),
    ],
)
def test_what_is_no_reading_is_malformed_for_its_reason(value: bytes | None, reason: str) -> None:
    with pytest.raises(MalformedReading) as raised:
        decode_reading(value)
    assert raised.value.reason == reason


def test_deep_nesting_is_judged_alike_however_deep_the_caller_stands() -> None:
    value = b'{"x":' + b"[" * 480 + b"]" * 480 + b"}"

    def at_depth(depth: int) -> str:
        if depth:
            return at_depth(depth - 1)
        with pytest.raises(MalformedReading) as raised:
            decode_reading(value)
        return raised.value.reason

    assert at_depth(0) == at_depth(200)


@pytest.mark.parametrize(("first", "last", "is_read"), [('"x"', "5", True), ("1.5", "5", True), ("5", '"x"', False)])
def test_the_last_duplicate_wins_over_one_of_a_wrong_type(first: str, last: str, is_read: bool) -> None:  # noqa: FBT001
    whole = encode(a_reading()).decode()
    value = (whole[:-1] + f',"misfires":{first},"misfires":{last}}}').encode()
    if is_read:
        assert decode_reading(value).misfires == 5
    else:
        with pytest.raises(MalformedReading, match="wrong_type"):
            decode_reading(value)


def test_null_is_absent_the_last_duplicate_wins_and_unknown_fields_are_skipped() -> None:
    value = changed(coolant_c=None, novelty={"a": [1]}).replace(b"}}", b"}}")
    reading = decode_reading(value[:-1] + b', "speed_kmh": 7}')
    assert reading.coolant_c is None
    assert reading.speed_kmh == 7.0


def test_a_reading_survives_the_wire() -> None:
    reading = a_reading(3, trouble_codes=("P0301",), ignition_on=False, misfires=2)
    assert decode_reading(encode(reading)) == reading


def test_json_fields_stand_in_the_order_of_the_struct() -> None:
    assert list(json.loads(encode(a_reading(1)))) == [name for name in Reading.__struct_fields__ if name in WHOLE]


def test_a_record_of_another_shape_is_named() -> None:
    with pytest.raises(MalformedRecord, match="Alert does not decode"):
        decode(b'{"alert_id": 1}', Alert)
