from __future__ import annotations

from pathlib import Path

import pytest

from contracts.definitions import co2_g_per_km, is_ranked_trip, litres_per_100km, mpg_us
from contracts.errors import MalformedRecord
from contracts.vehicle_state import TripTotals, merged_totals
from contracts.views import Manifest, current_version, manifest_bytes, read_manifest, version_folder


def test_there_is_no_current_version_before_the_first(tmp_path: Path) -> None:
    assert current_version(tmp_path) is None


def test_a_damaged_pointer_is_named(tmp_path: Path) -> None:
    (tmp_path / "CURRENT").write_text("twelve")
    with pytest.raises(MalformedRecord, match="twelve"):
        current_version(tmp_path)


def test_a_manifest_survives_its_file(tmp_path: Path) -> None:
    manifest = Manifest(3, 1, 2, "2026-11-21", {"0": 7}, 4, "abc", None, "0.1.0", 9, {"trips": 5})
    folder = version_folder(tmp_path, 3)
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_bytes(manifest_bytes(manifest))
    assert read_manifest(tmp_path, 3) == manifest


def test_a_version_that_was_never_published_is_named(tmp_path: Path) -> None:
    with pytest.raises(MalformedRecord, match="version 9"):
        read_manifest(tmp_path, 9)


def test_totals_merge_by_maximum_and_absent_says_nothing() -> None:
    left = TripTotals(1, distance_m=10, ended_at_ms=5, fuel_ml=None, idle_s=3)
    right = TripTotals(1, distance_m=8, ended_at_ms=9, fuel_ml=0, idle_s=None)
    merged = TripTotals(1, distance_m=10, ended_at_ms=9, fuel_ml=0, idle_s=3)
    assert merged_totals(left, right) == merged_totals(right, left) == merged == merged_totals(merged, merged)


def test_consumption_in_three_units() -> None:
    assert litres_per_100km(100_000, 6_000) == pytest.approx(6.0)
    assert mpg_us(100_000, 6_000) == pytest.approx(39.2, abs=0.05)
    assert co2_g_per_km(100_000, 6_000) == pytest.approx(140.9, abs=0.1)
    assert litres_per_100km(0, 5) is None
    assert mpg_us(1_000, 0) is None


def test_trips_are_ranked_from_500_m_with_fuel() -> None:
    assert is_ranked_trip(500, 0)
    assert not is_ranked_trip(499, 10)
    assert not is_ranked_trip(900, None)
