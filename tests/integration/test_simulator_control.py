"""A running simulator, steered over HTTP."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
from eventually import eventually
from gateway_stage import read_all

from contracts.partitioning import partition_of_key
from contracts.snapshot import Snapshot, check_picture, from_headers
from contracts.topics import DASHCAM_SNAPSHOTS, VEHICLE_READINGS
from simulator.faults.truth import read_truth
from simulator.vehicles.fleet import fleet
from stack.broker import Broker
from stack.ports import LOOPBACK, free_port
from stack.processes import die_with_parent

JSON = {"content-type": "application/json"}


def test_a_running_fleet_is_steered_and_the_truth_tells_what_was_broken(topics: Broker, tmp_path: Path) -> None:
    port, truth = free_port(), tmp_path / "truth.jsonl"
    flags = ["--bootstrap", topics.bootstrap, "--vehicles", 10, "--seed", 4242, "--rate", 5, "--fault-rate", 0]
    flags += ["--truth", truth, "--control", port, "--dashcam", 1, "--json"]
    vins = fleet(10, 4242).vehicle_id.tolist()
    running = subprocess.Popen(
        [sys.executable, "-m", "simulator", "run", *map(str, flags)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=die_with_parent,  # noqa: PLW1509 - one system call
    )
    with httpx.Client(base_url=f"http://{LOOPBACK}:{port}", timeout=10) as control:

        def state() -> dict[str, Any]:
            try:
                found: dict[str, Any] = control.get("/").json()
            except httpx.TransportError as error:
                raise OSError(str(error)) from error
            return found

        eventually(lambda: state()["readings_produced"] > 20, within_s=20)
        vin = _one_that_drives(topics.bootstrap, vins)
        assert control.patch("/", json={"vehicles": 12, "disturbances": {"duplicated": 0.5}}).status_code == 200
        assert control.post("/faults", json={"vehicle_id": vin, "fault": "misfire", "growth_s": 1}).status_code == 201
        eventually(lambda: [fault["severity"] for fault in state()["faults"]] == [1.0], within_s=30)
        assert control.delete(f"/faults/{vin}/misfire", headers=JSON).status_code == 200

        assert control.patch("/", json={"paused": True}).json()["paused"]
        still = eventually(lambda: (first := state()["readings_produced"]) == state()["readings_produced"] and first)
        assert control.patch("/", json={"paused": False, "rate": 10}).json()["rate"] == 10.0
        eventually(lambda: state()["readings_produced"] > still)

        running.send_signal(signal.SIGTERM)
        told, complaints = running.communicate(timeout=30)
    assert running.returncode == 0, complaints
    assert json.loads(told)["vehicles"] == 12
    assert json.loads(told)["disturbed"]["duplicated"] > 0
    assert json.loads(told)["snapshots"]["sent"] >= 1
    assert "P030" in " ".join(snapshot.detail for snapshot in _snapshots(topics.bootstrap, vin))
    (line,) = read_truth(truth)
    assert (line.vehicle_id, line.fault, line.severity) == (vin, "misfire", 1.0)
    assert line.ended_at_ms is not None


def _one_that_drives(bootstrap: str, vins: list[bytes]) -> str:
    """Give a car of the fleet that has set off: trips last minutes, and a fault waits for a car that is parked."""
    heard = {record.key for record in read_all(bootstrap, VEHICLE_READINGS.name)}
    return next(vin for vin in vins if vin in heard).decode()


def _snapshots(bootstrap: str, vin: str) -> list[Snapshot]:
    """Read a car's pictures, each a JPEG of the project's size below 1 MB."""
    found = []
    for record in read_all(bootstrap, DASHCAM_SNAPSHOTS.name):
        if record.key == vin.encode():
            check_picture(vin, record.value)
            assert record.partition == partition_of_key(record.key, DASHCAM_SNAPSHOTS.partitions)
            found.append(from_headers(record.headers))
    return found


def test_a_control_port_that_is_taken_is_told_in_one_line(topics: Broker) -> None:
    command = [sys.executable, "-m", "simulator", "run", "--vehicles", "1", "--bootstrap", topics.bootstrap]
    told = subprocess.run(
        [*command, "--control", str(topics.port)], capture_output=True, text=True, timeout=60, check=False
    )
    assert (told.returncode, told.stderr.count("\n")) == (2, 1)
    assert told.stderr.startswith(f"simulator: no control at 127.0.0.1:{topics.port}")
