from __future__ import annotations

import asyncio
import io
import math
from typing import Any

import numpy as np
import pytest
from PIL import Image

from contracts.definitions import HARSH_MPS2
from contracts.snapshot import Snapshot, check_picture
from roads.generated_city import generated_city
from roads.network import RoadNetwork
from simulator.dashcam.camera import Camera, Lens, snapshot_of
from simulator.dashcam.moments import Moment, Moments
from simulator.dashcam.picture import jpeg
from simulator.dashcam.scenery import Scenery, Strip
from simulator.readings.columns import ReadingColumns
from simulator.vehicles.fleet import fleet

FLEET = fleet(4, 1)
VINS: list[bytes] = FLEET.vehicle_id.tolist()
START_MS = 1_790_000_000_000
HEALTHY = {
    "acceleration_mps2": 0.0, "engine_rpm": 1500.0, "coolant_c": 90.0, "battery_v": 13.9, "oil_pressure_kpa": 250.0,
    "oil_level": 0, "speed_kmh": 50.0, "latitude_deg": 39.75, "longitude_deg": -105.0, "heading_deg": 0.0,
}  # fmt: skip


@pytest.fixture(scope="module")
def city() -> RoadNetwork:
    return generated_city(seed=1, segments=400)


def columns(*rows: dict[str, Any]) -> ReadingColumns:
    """Give readings of the first car, a second apart, healthy but for what is said; `codes` are trouble codes."""
    values: dict[str, Any] = {
        name: np.array([row.get(name, healthy) for row in rows]) for name, healthy in HEALTHY.items()
    }
    values["vehicle_id"] = np.array([row.get("vehicle_id", VINS[0]) for row in rows])
    values["sequence"] = np.arange(len(rows))
    values["recorded_at_ms"] = START_MS + 1000 * np.array([row.get("second", at) for at, row in enumerate(rows)])
    values["trip_started_at_ms"] = np.array([row.get("trip", START_MS) for row in rows])
    values["trip_distance_m"] = np.arange(len(rows))
    codes = {at: row["codes"] for at, row in enumerate(rows) if "codes" in row}
    return ReadingColumns(values, np.zeros(len(rows), dtype=np.int64), codes)


def moments(*rows: dict[str, Any]) -> list[tuple[str, str]]:
    return [(moment.event, moment.detail) for moment in Moments(VINS).of(columns(*rows))]


HARD = {"acceleration_mps2": -HARSH_MPS2 - 0.05}


def test_a_healthy_gentle_car_takes_no_picture() -> None:
    assert moments({}, {"acceleration_mps2": -HARSH_MPS2}, {}) == []


def test_one_harsh_braking_is_one_picture_however_long_it_lasts() -> None:
    assert moments(HARD, HARD, HARD) == [("harsh_braking", "-2.5 m/s²")]
    assert len(moments(HARD, {"second": 29}, HARD | {"second": 40})) == 2
    assert len(moments(HARD, HARD | {"second": 29}, HARD | {"second": 40})) == 1


def test_a_lamp_is_one_picture_a_trip() -> None:
    hot = {"coolant_c": 111.0}
    assert moments(hot, {}, hot) == [("warning_light", "coolant temperature")]
    assert len(moments(hot, hot | {"trip": START_MS + 1000})) == 2


def test_every_lamp_and_every_trouble_code_is_told() -> None:
    broken = {"battery_v": 11.0, "oil_pressure_kpa": 20.0, "oil_level": 2, "codes": ("P0300", "P0562")}
    assert [detail for _, detail in moments(broken)] == ["charging", "oil pressure", "oil level", "P0300", "P0562"]


def test_with_the_engine_off_no_lamp_counts() -> None:
    assert moments({"engine_rpm": 0.0, "battery_v": 11.0, "oil_pressure_kpa": 0.0}) == []


def test_a_car_without_a_camera_takes_no_picture() -> None:
    assert list(Moments(VINS[1:]).of(columns(HARD))) == []


def test_the_road_ahead_is_ahead_and_what_is_behind_is_not_seen(city: RoadNetwork) -> None:
    segment = max(city.segments, key=lambda one: one.length_m)
    begin, end = segment.shape[0], segment.shape[-1]
    north, east = end[0] - begin[0], (end[1] - begin[1]) * math.cos(math.radians(begin[0]))
    heading_deg = math.degrees(math.atan2(east, north)) % 360
    strips = Scenery(city).ahead(begin, heading_deg)
    assert strips
    assert all(strip.begin[0] >= 3 and strip.end[0] >= strip.begin[0] for strip in strips)
    own = [strip for strip in strips if abs(strip.begin[1]) < 0.5 and abs(strip.end[1]) < 0.5]
    assert max(strip.end[0] for strip in own) == pytest.approx(segment.length_m, rel=0.02)
    nearest = [min(strip.begin[0], strip.end[0]) for strip in strips]
    assert nearest == sorted(nearest, reverse=True)


def a_snapshot() -> Snapshot:
    return Snapshot(VINS[0].decode(), "harsh_braking", START_MS, START_MS - 1, 3, 50.0, 39.75, -105.0, "-3 m/s²")


def test_a_picture_is_a_jpeg_of_its_size_that_may_be_sent_and_shows_the_road() -> None:
    picture = jpeg(a_snapshot(), [Strip((3, 0), (200, 0), 3.5)], width=640, quality=80)
    check_picture("V", picture)
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    assert (image.format, image.size) == (None, (640, 360))
    below_the_horizon = image.getpixel((360, 300))
    beside_the_road = image.getpixel((10, 200))
    assert isinstance(below_the_horizon, tuple)
    assert isinstance(beside_the_road, tuple)
    assert max(below_the_horizon) - min(below_the_horizon) < 30  # asphalt is grey
    assert beside_the_road[1] > beside_the_road[2] + 15  # and the fields are green


class Kept:
    """A way that keeps the pictures."""

    def __init__(self) -> None:
        self.pictures: list[tuple[Snapshot, int]] = []

    async def send_snapshot(self, snapshot: Snapshot, picture: bytes) -> None:
        check_picture(snapshot.vehicle_id, picture)
        self.pictures.append((snapshot, len(picture)))


async def test_a_camera_sends_what_it_took(city: RoadNetwork) -> None:
    kept = Kept()
    camera = Camera(FLEET, 1.0, network=city, lens=Lens(320, 70), sender=kept)
    camera.look(columns(HARD))
    await camera.close()
    ((snapshot, _),) = kept.pictures
    assert (snapshot.vehicle_id, snapshot.event, snapshot.recorded_at_ms) == (
        VINS[0].decode(),
        "harsh_braking",
        START_MS,
    )
    assert camera.told == {"sent": 1, "refused": 0, "untaken": 0}


async def test_a_picture_above_1_mb_is_refused_told_and_counted_and_the_fleet_goes_on(
    city: RoadNetwork, caplog: pytest.LogCaptureFixture
) -> None:
    kept = Kept()
    camera = Camera(FLEET, 1.0, network=city, lens=Lens(2560, 100), sender=kept)
    camera.look(columns(HARD))
    await camera.close()
    assert (kept.pictures, camera.told["refused"]) == ([], 1)
    (record,) = (told for told in caplog.records if told.name == "simulator.dashcam.camera")
    assert record.message == "snapshot refused"
    assert "at most 999,999 are sent: take it smaller or compress it more" in vars(record)["reason"]


async def test_when_too_many_pictures_wait_moments_pass_and_are_counted(city: RoadNetwork) -> None:
    camera = Camera(FLEET, 1.0, network=city, lens=Lens(160, 50), sender=Kept())
    camera.look(columns(*({"coolant_c": 120.0, "trip": START_MS - at} for at in range(70))))
    assert camera.told["untaken"] == 6
    await camera.close()
    assert camera.told["sent"] == 64


def test_the_share_of_cars_with_a_camera_is_as_asked(city: RoadNetwork) -> None:
    async def equipped(share: float) -> int:
        camera = Camera(fleet(1000, 1), share, network=city, lens=Lens(160, 50), sender=Kept())
        await camera.close()
        return len(camera._moments._braked_at_ms)

    assert [asyncio.run(equipped(share)) for share in (0.1, 0.5, 1.0)] == [
        pytest.approx(1000 * share, abs=2) for share in (0.1, 0.5, 1.0)
    ]


def test_a_snapshots_facts_are_those_of_its_reading() -> None:
    reading = columns(HARD).reading(0)
    snapshot = snapshot_of(Moment(reading, "harsh_braking", "-3 m/s²"))
    assert (snapshot.sequence, snapshot.speed_kmh, snapshot.latitude_deg) == (0, 50.0, 39.75)
