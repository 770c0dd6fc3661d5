from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from contracts.errors import InvalidInput
from simulator.faults.fault import Faults
from simulator.faults.truth import TruthFile
from simulator.live.live_fleet import LiveFleet
from simulator.settings import HistorySettings, RunSettings
from simulator.trips.driven import DrivenFile
from simulator.trips.network import network
from simulator.trips.road_book import road_book
from simulator.vehicles.fleet import Floats, fleet
from simulator.vehicles.logbook import Logbook

START_MS = 1_790_000_000_000
BOOK = road_book(network("denver", seed=1, segments=0), 1)
CARS = fleet(20, 1)
VINS: list[bytes] = CARS.vehicle_id.tolist()


def a_run(start_ms: int, least_odometer_m: Floats | None = None) -> LiveFleet:
    faults = Faults(len(CARS), per_vehicle_hour=0, growth_s=15, repair_s=90)
    return LiveFleet(
        CARS, BOOK, seed=1, start_ms=start_ms, rate_hz=0.2, faults=faults, least_odometer_m=least_odometer_m
    )


def test_a_run_that_follows_another_reads_no_odometer_lower(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "logbook.json"
    first = a_run(START_MS)
    read: Floats = np.zeros(len(CARS))
    for _ in range(240):
        made = first.tick()[0].values
        for vin, metres in zip(made["vehicle_id"].tolist(), made["odometer_m"].tolist(), strict=True):
            read[VINS.index(vin)] = metres
    first.end()
    Logbook(file).write(VINS, first.odometer_m())
    again_ms = first.next_ms + 1_000
    assert (a_run(again_ms).odometer_m() < read).any()
    second = a_run(again_ms, Logbook(file).odometer_m(VINS))
    assert (second.odometer_m() >= read).all()
    second.tick()
    assert (second.odometer_m() - read < 10).all()


def test_what_a_killed_run_wrote_lies_ahead_of_what_its_cars_reached_since(tmp_path: Path) -> None:
    live = a_run(START_MS)
    for _ in range(60):
        live.tick()
    book = Logbook(tmp_path / "logbook.json")
    book.write(VINS, live.odometer_m(in_s=60))
    for _ in range(12):
        live.tick()
    assert (Logbook(tmp_path / "logbook.json").odometer_m(VINS) >= live.odometer_m()).all()
    book.write(VINS, live.odometer_m())
    assert (Logbook(tmp_path / "logbook.json").odometer_m(VINS) == live.odometer_m()).all()


def test_an_entry_never_falls_and_cars_of_other_fleets_keep_theirs(tmp_path: Path) -> None:
    file = tmp_path / "logbook.json"
    Logbook(file).write([b"A", b"B"], np.array([500.0, 7.0]))
    Logbook(file).write([b"A", b"C"], np.array([400.0, 9.0]))
    assert Logbook(file).odometer_m([b"A", b"B", b"C", b"D"]).tolist() == [500, 7, 9, 0]


def test_fleets_that_drive_at_the_same_time_keep_each_others_entries(tmp_path: Path) -> None:
    one, other = Logbook(tmp_path / "logbook.json"), Logbook(tmp_path / "logbook.json")
    one.write([b"A"], np.array([500.0]))
    other.write([b"B"], np.array([7.0]))
    one.write([b"A"], np.array([510.0]))
    assert Logbook(tmp_path / "logbook.json").odometer_m([b"A", b"B"]).tolist() == [510, 7]


def test_without_a_file_nothing_is_known_and_nothing_is_written() -> None:
    book = Logbook(None)
    book.write([b"A"], np.array([500.0]))
    assert book.odometer_m([b"A"]).tolist() == [0]


@pytest.mark.parametrize(("make", "flag"), [(Logbook, "--logbook"), (TruthFile, "--truth"), (DrivenFile, "--driven")])
def test_a_file_that_cannot_be_used_is_told_before_the_work(
    tmp_path: Path, make: Callable[[Path], object], flag: str
) -> None:
    with pytest.raises(InvalidInput, match=f"cannot be .*; name another file by {flag}"):
        make(tmp_path)


@pytest.mark.parametrize("held", [b"{", b'{"A": "far"}', b"\xff"])
def test_what_is_no_logbook_is_refused_with_the_remedy(tmp_path: Path, held: bytes) -> None:
    file = tmp_path / "logbook.json"
    file.write_bytes(held)
    with pytest.raises(InvalidInput, match=r"logbook.json:1: no logbook .*; delete it, or name another file"):
        Logbook(file)


def test_a_logbook_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    with pytest.raises(InvalidInput, match="logbook"):
        Logbook(tmp_path / "plain" / "logbook.json").write([b"A"], np.array([1.0]))


def test_where_the_event_time_is_given_the_flags_alone_say_what_the_readings_are() -> None:
    assert RunSettings().logbook_file(is_now=True) == Path("var/logbook.json")
    assert HistorySettings().logbook_file(is_now=False) is None
    assert RunSettings(logbook=Path("mine")).logbook_file(is_now=False) == Path("mine")
