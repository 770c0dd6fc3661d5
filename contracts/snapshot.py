"""A dashcam snapshot: a JPEG as the record's value, keyed by VIN; what it shows, when and where in its headers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Literal

import msgspec

from contracts import headers
from contracts.bounds import Count, Name, Text
from contracts.errors import SnapshotRefused
from contracts.topics import DASHCAM_SNAPSHOTS

if TYPE_CHECKING:
    from collections.abc import Iterable

LARGEST_SNAPSHOT_BYTES: Final = 999_999
"""Below 1 MB, so that the record with its headers passes every limit between a car and a browser."""
JPEG_BEGINS: Final = b"\xff\xd8\xff"
JPEG_ENDS: Final = b"\xff\xd9"

SnapshotEvent = Literal["harsh_braking", "warning_light"]
"""What made the camera take it: the car braked harder than HARSH_MPS2, or a lamp of its dashboard came on."""


class Snapshot(msgspec.Struct, frozen=True):
    """What the headers tell; the time is the car's clock, the identity that of the reading at that moment."""

    vehicle_id: Name
    event: SnapshotEvent
    recorded_at_ms: Count
    trip_started_at_ms: Count
    sequence: Count
    speed_kmh: Annotated[float, msgspec.Meta(ge=0, le=400)]
    latitude_deg: Annotated[float, msgspec.Meta(ge=-90, le=90)] | None = None
    longitude_deg: Annotated[float, msgspec.Meta(ge=-180, le=180)] | None = None
    detail: Text = ""
    """Which lamp, such as a trouble code; or how hard it braked."""


def to_headers(snapshot: Snapshot) -> headers.Headers:
    """Write a snapshot's facts as Kafka headers, one a field, names with hyphens."""
    return headers.as_headers(snapshot)


def from_headers(given: Iterable[tuple[str, bytes | None]]) -> Snapshot:
    """Read them back. Raises MalformedRecord when one is missing or makes no sense."""
    return headers.from_headers(given, Snapshot, topic=DASHCAM_SNAPSHOTS.name)


def check_picture(vehicle_id: str, picture: bytes) -> None:
    """Raise SnapshotRefused, with the remedy, for a picture that is no whole JPEG or not below 1 MB."""
    if len(picture) > LARGEST_SNAPSHOT_BYTES:
        raise SnapshotRefused(
            f"the snapshot of {vehicle_id} has {len(picture):,} bytes; at most {LARGEST_SNAPSHOT_BYTES:,} are sent: "
            "take it smaller or compress it more"
        )
    if not picture.startswith(JPEG_BEGINS) or not picture.rstrip(b"\0").endswith(JPEG_ENDS):
        raise SnapshotRefused(f"the snapshot of {vehicle_id} is no whole JPEG; only JPEG is sent")
