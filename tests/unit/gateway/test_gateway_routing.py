from __future__ import annotations

import pytest

from contracts.codec import LARGEST_READING_BYTES, encode
from contracts.mqtt_topics import KINDS, Kind, car_topic, filter_of, topic_of
from contracts.partitioning import partition_of_key
from contracts.reading import READING_SCHEMA
from contracts.rejection import KEPT_BYTES, from_headers
from contracts.snapshot import Snapshot, to_headers
from contracts.vehicle import Vehicle
from gateway.message import Message
from gateway.routing import Record, records

VIN = "1FTFW1ET5DFC10312"
OTHER = "0CC00010N00000001"
A_READING = b'{"vehicle_id":"1FTFW1ET5DFC10312","sequence":1}'
A_JPEG = b"\xff\xd8\xff" + bytes(50) + b"\xff\xd9"


def routed(kind: Kind, payload: bytes, properties: tuple[tuple[str, str], ...] = ()) -> list[Record]:
    return records(Message(topic_of(VIN, kind), payload, properties=properties), received_at_ms=5)


def reason_of(record: Record) -> str | None:
    if record.topic != "rejected-readings":
        return None
    assert from_headers(record.headers).reason == record.reason
    return record.reason


def test_a_reading_goes_as_it_came_to_its_cars_partition() -> None:
    partition = partition_of_key(VIN.encode(), 12)
    headers = [("schema", READING_SCHEMA)]
    assert routed("readings", A_READING) == [Record("vehicle-readings", partition, VIN.encode(), A_READING, headers)]


@pytest.mark.parametrize("damaged", [b"", b"{", b"\xff\xfe", b"[" * 10_000, b'{"speed_kmh":1}', b'{"vehicle_id":7}'])
def test_what_is_no_reading_goes_on_as_it_came_for_the_hot_path_to_judge(damaged: bytes) -> None:
    (record,) = routed("readings", damaged)
    assert (record.topic, record.value, record.key) == ("vehicle-readings", damaged, VIN.encode())


def test_the_lines_of_a_batch_are_readings_in_their_order() -> None:
    found = routed("readings/batch", b'{"sequence":1}\n\n{"sequence":2}\r\n{"sequence":3}')
    assert [record.value.strip() for record in found] == [b'{"sequence":1}', b'{"sequence":2}', b'{"sequence":3}']
    assert {record.topic for record in found} == {"vehicle-readings"}


def test_one_bad_line_of_a_batch_leaves_the_others_be() -> None:
    found = routed("readings/batch", A_READING + b"\n" + b"x" * (LARGEST_READING_BYTES + 1) + b"\n" + A_READING)
    assert [reason_of(record) for record in found] == [None, "too_large", None]


def test_an_oversized_reading_is_rejected_with_its_first_bytes_and_its_full_length() -> None:
    (record,) = routed("readings", b"x" * 100_000)
    story = from_headers(record.headers)
    assert (story.reason, story.length, len(record.value)) == ("too_large", 100_000, KEPT_BYTES)
    assert (story.source_topic, story.received_at_ms) == (f"vehicles/{VIN}/readings", 5)


def test_a_car_speaks_for_itself_only() -> None:
    (record,) = routed("readings", A_READING.replace(VIN.encode(), OTHER.encode()))
    assert reason_of(record) == "wrong_topic"
    assert from_headers(record.headers).detail.startswith(f"{VIN}'s topic carries what names '{OTHER}'")


@pytest.mark.parametrize(
    "topic", ["vehicles/ABC/readings", "vehicles/1FTFW1ET5DFC1031O/readings", f"vehicles/{VIN}/readings/x", "a", ""]
)
def test_what_comes_on_no_cars_topic_is_rejected(topic: str) -> None:
    (record,) = records(Message(topic, A_READING), received_at_ms=5)
    assert reason_of(record) == "wrong_topic"
    assert record.key is None


def test_a_registry_record_goes_to_the_registry() -> None:
    vehicle = encode(Vehicle(VIN, "Ford", "F150", 2013, "north"))
    assert routed("registry", vehicle) == [Record("vehicles", 0, VIN.encode(), vehicle, [])]


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "wrong_type"),
        (b'{"vehicle_id":"1FTFW1ET5DFC10312"}', "wrong_type"),
        (encode(Vehicle(OTHER, "Ford", "F150", 2013, "north")), "wrong_topic"),
        (b" " * (LARGEST_READING_BYTES + 1), "too_large"),
    ],
)
def test_a_registry_record_that_is_none_never_reaches_the_registry(payload: bytes, reason: str) -> None:
    (record,) = routed("registry", payload)
    assert reason_of(record) == reason


def test_a_snapshot_goes_to_its_topic_with_its_facts_as_headers() -> None:
    headers = to_headers(Snapshot(VIN, "harsh_braking", 2, 1, 0, 50.0))
    told = tuple((name, value.decode()) for name, value in headers)
    (record,) = routed("snapshots", A_JPEG, properties=told)
    assert record == Record("dashcam-snapshots", partition_of_key(VIN.encode(), 6), VIN.encode(), A_JPEG, headers)


def test_a_snapshot_too_large_or_without_its_facts_or_of_another_car_is_rejected() -> None:
    told = tuple((name, value.decode()) for name, value in to_headers(Snapshot(OTHER, "harsh_braking", 2, 1, 0, 50.0)))
    assert reason_of(routed("snapshots", A_JPEG[:-2] + bytes(1_000_000) + A_JPEG[-2:])[0]) == "too_large"
    assert reason_of(routed("snapshots", A_JPEG)[0]) == "wrong_type"
    assert reason_of(routed("snapshots", A_JPEG, properties=told)[0]) == "wrong_topic"


@pytest.mark.parametrize("kind", KINDS)
def test_a_cars_topic_is_read_as_it_is_written(kind: Kind) -> None:
    assert car_topic(topic_of(VIN, kind)) == (VIN, kind)
    assert filter_of(kind) == f"vehicles/+/{kind}"
