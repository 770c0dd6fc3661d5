from __future__ import annotations

import pytest

from contracts.errors import MalformedRecord, SnapshotRefused
from contracts.snapshot import LARGEST_SNAPSHOT_BYTES, Snapshot, check_picture, from_headers, to_headers

VIN = "1FTFW1ET5DFC10312"
A_SNAPSHOT = Snapshot(VIN, "harsh_braking", 1_700_000_000_000, 1_699_999_000_000, 17, 48.5, 39.75, -105.0, "-4.1 m/s²")


def a_jpeg(length: int) -> bytes:
    return b"\xff\xd8\xff" + bytes(length - 5) + b"\xff\xd9"


def test_a_snapshots_facts_survive_their_headers() -> None:
    assert from_headers(to_headers(A_SNAPSHOT)) == A_SNAPSHOT


def test_a_car_without_position_leaves_its_headers_out() -> None:
    nowhere = Snapshot(VIN, "warning_light", 2, 1, 0, 0.0)
    assert "latitude-deg" not in dict(to_headers(nowhere))
    assert from_headers(to_headers(nowhere)) == nowhere


def test_headers_of_another_programs_record_are_malformed() -> None:
    with pytest.raises(MalformedRecord, match="dashcam-snapshots"):
        from_headers([("schema", b"vehicle-reading/1")])


def test_a_picture_below_1_mb_is_sent_and_a_larger_one_refused_with_its_size() -> None:
    check_picture(VIN, a_jpeg(LARGEST_SNAPSHOT_BYTES))
    with pytest.raises(SnapshotRefused, match=rf"{VIN} has 1,000,000 bytes; at most 999,999 are sent: take it smaller"):
        check_picture(VIN, a_jpeg(LARGEST_SNAPSHOT_BYTES + 1))


@pytest.mark.parametrize("picture", [b"", b"\x89PNG\r\n", a_jpeg(100)[:-1]])
def test_what_is_no_whole_jpeg_is_refused(picture: bytes) -> None:
    with pytest.raises(SnapshotRefused, match="no whole JPEG"):
        check_picture(VIN, picture)
