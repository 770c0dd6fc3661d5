from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np

from simulator.faults.fault import FAULT_KINDS, Faults
from simulator.faults.truth import TruthFile, TruthLine, read_truth, truth_line
from simulator.vehicles.fleet import fleet

WARM = np.full(20, 90.0)


def after(faults: Faults, seconds: int, coolant_c: np.ndarray[tuple[int], np.dtype[np.float64]] = WARM) -> None:
    random = np.random.default_rng(1)
    for second in range(seconds):
        faults.advance(second * 1000, dt_s=1, driving=np.arange(20), coolant_c=coolant_c, random=random)


def test_faults_begin_at_the_rate_that_was_asked_for() -> None:
    faults = Faults(20, per_vehicle_hour=6, growth_s=1, repair_s=1)
    after(faults, 3600)
    assert 80 < len(faults.history) < 160


def test_without_a_rate_nothing_breaks() -> None:
    faults = Faults(20, per_vehicle_hour=0, growth_s=1, repair_s=1)
    after(faults, 1000)
    assert faults.history == []


def test_a_fault_grows_to_its_full_severity_and_is_repaired() -> None:
    faults = Faults(20, per_vehicle_hour=30, growth_s=10, repair_s=20)
    after(faults, 600)
    mended = [fault for fault in faults.history if fault.ended_at_ms is not None and fault.kind != "glitch"]
    assert mended
    for fault in mended:
        assert fault.severity == 1
        assert 30_000 <= (fault.ended_at_ms or 0) - fault.started_at_ms <= 51_000
    open_now = {fault.vehicle for fault in faults.history if fault.ended_at_ms is None}
    for kind in FAULT_KINDS:
        assert set(np.flatnonzero(faults.severity[kind]).tolist()) <= open_now


def test_a_car_has_one_fault_at_a_time() -> None:
    faults = Faults(20, per_vehicle_hour=2000, growth_s=10, repair_s=20)
    after(faults, 5)
    assert len(faults.history) == len({fault.vehicle for fault in faults.history})


def test_a_cold_engine_does_not_leak() -> None:
    faults = Faults(20, per_vehicle_hour=2000, growth_s=10, repair_s=20)
    after(faults, 60, coolant_c=np.full(20, 30.0))
    assert "coolant_leak" not in {fault.kind for fault in faults.history}


def test_the_truth_keeps_what_an_earlier_run_wrote_and_one_line_a_fault(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "truth.jsonl"
    cars = fleet(20, 1)
    for _ in range(2):
        faults = Faults(20, per_vehicle_hour=60, growth_s=10, repair_s=20)
        truth = TruthFile(file)
        for seconds in (30, 200):
            after(faults, seconds)
            truth.write([truth_line(fault, cars) for fault in faults.history])
        written = [msgspec.json.decode(line, type=TruthLine) for line in file.read_bytes().splitlines()]
        assert written[-len(faults.history) :] == [truth_line(fault, cars) for fault in faults.history]
    assert len(written) == 2 * len(faults.history)


def test_two_runs_may_share_a_file_of_truths(tmp_path: Path) -> None:
    file = tmp_path / "truth.jsonl"
    lines = [TruthLine(f"V{n}", "glitch", n, None, 0.5, None) for n in range(6)]
    first, second = TruthFile(file), TruthFile(file)
    first.write(lines[:1])
    second.write(lines[3:4])
    first.write(lines[:2])
    second.write(lines[3:6])
    first.write(lines[:3])
    assert sorted(read_truth(file), key=lambda line: line.started_at_ms) == lines
