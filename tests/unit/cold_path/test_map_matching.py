from __future__ import annotations

import dataclasses
import random

import numpy as np
import pytest
from driven_roads import STARTED_AT_MS, Drive, a_drive, heard, right_share

from cold_path.matching.matcher import Chain, Matcher
from cold_path.matching.readings import Readings
from cold_path.matching.traversal import traversals
from roads import default_network

_NETWORK = default_network()


def _drives(count: int, seed: int) -> list[Drive]:
    rng = random.Random(seed)
    return [a_drive(_NETWORK, rng) for _ in range(count)]


def _chains(readings: Readings) -> list[Chain]:
    return list(Matcher(_NETWORK).chains(readings))


def _matched(chains: list[Chain], trip: int) -> list[int]:
    return [segment for chain in chains if chain.trip == trip for segment in chain.path.segments]


def _shares(drives: list[Drive], chains: list[Chain]) -> tuple[float, float]:
    lengths = [drive.place_m[-1] for drive in drives]
    shares = [right_share(_NETWORK, drive.segments, _matched(chains, trip)) for trip, drive in enumerate(drives)]
    right, surplus = np.average(shares, axis=0, weights=lengths)
    return float(right), float(surplus)


@pytest.mark.parametrize(("every_s", "due"), [(1, 0.97), (10, 0.90)])
def test_the_driven_length_lies_on_the_right_segments(every_s: int, due: float) -> None:
    drives = _drives(25, seed=2)
    right, surplus = _shares(drives, _chains(heard(_NETWORK, drives, every_s=every_s, noise_m=8, seed=1)))
    assert right >= due
    assert surplus <= 1 - due


@pytest.mark.parametrize(("every_s", "due"), [(1, 0.97), (10, 0.90)])
def test_without_headings_the_counter_tells_the_direction(every_s: int, due: float) -> None:
    drives = _drives(25, seed=3)
    readings = heard(_NETWORK, drives, every_s=every_s, noise_m=8, seed=1)
    without = dataclasses.replace(readings, heading_deg=np.full(len(readings), np.nan))
    assert _shares(drives, _chains(without))[0] >= due


def test_a_trip_is_matched_the_same_alone_and_among_others() -> None:
    readings = heard(_NETWORK, _drives(6, seed=4), every_s=3, noise_m=8, seed=1)
    together = _chains(readings)
    matcher = Matcher(_NETWORK)
    for trip in (4, 1):
        alone = list(matcher.chains(readings.where(readings.trip == trip)))
        assert [chain.path.segments for chain in alone] == [c.path.segments for c in together if c.trip == trip]


def test_a_path_is_joined_end_to_start() -> None:
    for chain in _chains(heard(_NETWORK, _drives(5, seed=5), every_s=10, noise_m=8, seed=1)):
        starts = [_NETWORK.starts[i] for i in chain.path.segments]
        assert starts[1:] == [_NETWORK.ends[i] for i in chain.path.segments[:-1]]


def test_a_gap_that_no_way_explains_breaks_the_chain() -> None:
    drives = _drives(1, seed=6)
    readings = heard(_NETWORK, drives, every_s=1, noise_m=8, seed=1)
    half = len(readings) // 2
    late = np.arange(len(readings)) >= half
    jumped = dataclasses.replace(
        readings,
        distance_m=readings.distance_m + 5_000 * late,
        recorded_at_ms=readings.recorded_at_ms + 600_000 * late,
    )
    chains = _chains(jumped)
    assert [chain.trip for chain in chains] == [0, 0]
    assert right_share(_NETWORK, drives[0].segments, _matched(chains, 0))[0] >= 0.97


def test_lost_positions_are_bridged_by_the_road_and_the_counter() -> None:
    drives = _drives(3, seed=7)
    readings = heard(_NETWORK, drives, every_s=1, noise_m=8, seed=1)
    second = np.concatenate([np.arange(len(drive.place_m)) for drive in drives])
    blind = (second % 120) >= 90
    latitude = np.where(blind, np.nan, readings.latitude_deg)
    assert _shares(drives, _chains(dataclasses.replace(readings, latitude_deg=latitude)))[0] >= 0.95


def test_a_trip_far_from_every_road_has_no_chain() -> None:
    readings = heard(_NETWORK, _drives(2, seed=8), every_s=1, noise_m=8, seed=1)
    moved = dataclasses.replace(readings, latitude_deg=readings.latitude_deg + (readings.trip == 1) * 1.0)
    assert {chain.trip for chain in _chains(moved)} == {0}


def test_readings_whose_counter_or_clock_went_back_are_left_out() -> None:
    drives = _drives(1, seed=9)
    readings = heard(_NETWORK, drives, every_s=1, noise_m=8, seed=1)
    broken = dataclasses.replace(readings, distance_m=readings.distance_m.copy())
    broken.distance_m[100] = 0.0
    chain = _chains(broken)[0]
    assert np.all(np.diff(chain.readings.distance_m) >= 0)
    assert right_share(_NETWORK, drives[0].segments, chain.path.segments)[0] >= 0.97


def test_no_readings_have_no_chains() -> None:
    readings = heard(_NETWORK, _drives(1, seed=9), every_s=1, noise_m=8, seed=1)
    assert _chains(readings.where(readings.trip < 0)) == []


def test_time_and_fuel_of_segments_add_up_to_those_of_the_trip() -> None:
    drives = _drives(4, seed=10)
    for chain in _chains(heard(_NETWORK, drives, every_s=1, noise_m=8, seed=1)):
        driven = traversals(chain.path, chain.matched, chain.readings)
        whole = driven.is_whole
        assert whole[1:-1].all()
        assert np.allclose(driven.left_at_ms[whole][:-1], driven.entered_at_ms[whole][1:])
        spent_s = np.sum(driven.left_at_ms[whole] - driven.entered_at_ms[whole]) / 1000
        total_ml = chain.readings.fuel_ml[-1] - chain.readings.fuel_ml[0]
        assert spent_s == pytest.approx(len(drives[chain.trip].place_m), rel=0.1)
        assert np.sum(driven.fuel_ml[whole]) == pytest.approx(total_ml, rel=0.1)


def test_waiting_at_a_signal_belongs_to_the_segment_before_it() -> None:
    drives = _drives(12, seed=11)
    errors_s = []
    for chain in _chains(heard(_NETWORK, drives, every_s=1, noise_m=8, seed=1)):
        drive = drives[chain.trip]
        if chain.path.segments == drive.segments:
            driven = traversals(chain.path, chain.matched, chain.readings)
            ends_m = np.cumsum([_NETWORK.segments[i].length_m for i in drive.segments])
            left_s = np.searchsorted(drive.place_m, ends_m[:-1] + 1)
            errors_s.append(np.abs((driven.left_at_ms[:-1] - STARTED_AT_MS) / 1000 - left_s))
    assert len(errors_s) >= 6
    assert np.nanpercentile(np.concatenate(errors_s), 90) < 3
