from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from starlette.testclient import TestClient

from contracts.snapshot import Snapshot
from contracts.vehicle import Vehicle
from simulator.control.desk import Change
from simulator.control.server import application
from simulator.faults.fault import FAULT_KINDS, Faults
from simulator.live.live_fleet import LiveFleet
from simulator.live.pace import Pace
from simulator.live.steering import Steering
from simulator.transport.arrivals import Transport
from simulator.transport.disturbances import Disturbances, Knob
from simulator.trips.network import network
from simulator.trips.road_book import road_book
from simulator.vehicles.fleet import fleet

START_MS = 1_790_000_000_000
CARS, MOST = 10, 30
JSON = {"content-type": "application/json"}


class Nowhere:
    """A way that takes everything; it remembers who was registered."""

    acknowledged = 7

    def __init__(self) -> None:
        self.registered: list[str] = []

    async def start(self, wait_s: float) -> None: ...

    async def register(self, vehicles: Iterable[Vehicle]) -> None:
        self.registered += [vehicle.vehicle_id for vehicle in vehicles]

    async def send(self, partition: int, keys: Sequence[bytes], values: Sequence[bytes]) -> None: ...

    async def send_snapshot(self, snapshot: Snapshot, picture: bytes) -> None: ...

    async def flush(self) -> None: ...

    async def close(self) -> None: ...


class Bench:
    """A fleet that can be steered, ticked by hand."""

    def __init__(self) -> None:
        cars = fleet(MOST, 1)
        book = road_book(network("generated", seed=1, segments=60), 1)
        faults = Faults(MOST, per_vehicle_hour=0, growth_s=10, repair_s=10)
        self.live = LiveFleet(cars, book, seed=1, start_ms=START_MS, rate_hz=1, faults=faults, gps_noise_m=0)
        self.live.active = CARS
        self.faults = faults
        self.transport = Transport(Disturbances(late=Knob(0.1, 5), clock_skew=Knob(3, 9)))
        self.way = Nowhere()
        self.truths = 0
        self.steering = Steering(
            self.live,
            transport=self.transport,
            publisher=self.way,
            pace=Pace(vehicles=CARS, rate_hz=1),
            write_truth=self._count_truth,
        )
        self.client = TestClient(application(self.steering), base_url="http://127.0.0.1")
        self.vins = [vin.decode() for vin in cars.vehicle_id.tolist()]

    def _count_truth(self) -> None:
        self.truths += 1

    def drive(self, ticks: int) -> set[str]:
        """Tick, and give who was heard."""
        heard: set[str] = set()
        for _ in range(ticks):
            heard |= {vin.decode() for vin in self.live.tick()[0].values["vehicle_id"].tolist()}
        return heard

    def state(self) -> dict[str, Any]:
        answer = self.client.get("/")
        assert answer.status_code == 200
        found: dict[str, Any] = answer.json()
        return found


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_the_state_tells_what_there_is(bench: Bench) -> None:
    bench.drive(10)
    state = bench.state()
    assert (state["vehicles"], state["most_vehicles"], state["rate"], state["paused"]) == (CARS, MOST, 1.0, False)
    assert 0 < state["driving"] <= CARS
    assert state["readings_produced"] == 7
    assert state["event_time_ms"] == START_MS + 10_000
    assert [one["fault"] for one in state["fault_kinds"]] == list(FAULT_KINDS)
    assert state["disturbances"]["late"] == 0.1


def test_a_fault_that_was_asked_for_begins_once_the_car_drives_and_ends_when_it_is_cleared(bench: Bench) -> None:
    vin = bench.vins[3]
    answer = bench.client.post("/faults", json={"vehicle_id": vin, "fault": "misfire", "severity": 0.5, "growth_s": 2})
    assert answer.status_code == 201
    assert answer.json()["faults"] == [
        {"vehicle_id": vin, "fault": "misfire", "severity": 0.0, "started_at_ms": None}
    ]  # it waits
    bench.drive(300)
    (fault,) = bench.state()["faults"]
    assert (fault["vehicle_id"], fault["severity"]) == (vin, 0.5)
    assert fault["started_at_ms"] >= START_MS
    assert bench.client.delete(f"/faults/{vin}/misfire", headers=JSON).json()["faults"] == []
    assert bench.faults.history[0].ended_at_ms == bench.live.next_ms
    assert bench.truths == 1
    assert not bench.faults.severity["misfire"].any()


def test_a_fault_that_waits_can_be_forgotten(bench: Bench) -> None:
    bench.client.post("/faults", json={"vehicle_id": bench.vins[0], "fault": "glitch"})
    assert bench.client.delete(f"/faults/{bench.vins[0]}/glitch", headers=JSON).status_code == 200
    bench.drive(50)
    assert bench.faults.history == []


def test_more_cars_are_registered_before_they_drive_and_fewer_end_their_trips(bench: Bench) -> None:
    assert bench.drive(30) <= set(bench.vins[:CARS])
    assert bench.client.patch("/", json={"vehicles": 20}).json()["vehicles"] == 20
    assert bench.way.registered == bench.vins[CARS:20]
    assert bench.drive(400) - set(bench.vins[:CARS])
    bench.client.patch("/", json={"vehicles": 1})
    (last,) = (bench.live.tick()[0] for _ in range(1))
    assert not last.values["ignition_on"][last.values["vehicle_id"] != bench.vins[0].encode()].any()
    assert bench.drive(100) <= {bench.vins[0]}
    bench.client.patch("/", json={"vehicles": 20})
    assert bench.way.registered == bench.vins[CARS:20]  # once is enough


def test_a_new_rate_holds_from_the_next_tick_on(bench: Bench) -> None:
    bench.drive(5)
    assert bench.client.patch("/", json={"rate": 4}).json()["rate"] == 4.0
    bench.drive(4)
    assert bench.live.next_ms == START_MS + 6_000


def test_turned_disturbances_keep_their_seeds_and_leave_the_others_be(bench: Bench) -> None:
    answer = bench.client.patch("/", json={"disturbances": {"late": 0.5, "lost": 0.25}})
    assert (answer.json()["disturbances"]["late"], answer.json()["disturbances"]["lost"]) == (0.5, 0.25)
    now = bench.transport.disturbances
    assert (now.late, now.lost.amount, now.clock_skew) == (Knob(0.5, 5), 0.25, Knob(3, 9))


async def test_a_paused_fleet_waits_and_goes_on_at_the_time_that_it_is(bench: Bench) -> None:
    stop = asyncio.Event()
    await bench.steering.change(Change(paused=True))
    assert bench.steering.state().paused
    waiting = asyncio.create_task(bench.steering.going(stop))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    await bench.steering.change(Change(paused=False))
    await waiting
    assert 50 <= bench.live.next_ms - START_MS < 1000


async def test_a_paused_fleet_can_be_stopped(bench: Bench) -> None:
    stop = asyncio.Event()
    await bench.steering.change(Change(paused=True))
    waiting = asyncio.create_task(bench.steering.going(stop))
    stop.set()
    await asyncio.wait_for(waiting, 1)


@pytest.mark.parametrize(
    ("verb", "path", "body", "status", "detail"),
    [
        ("POST", "/faults", {"vehicle_id": "X", "fault": "misfire"}, 404, "X is not in the fleet"),
        ("POST", "/faults", {"vehicle_id": "X", "fault": "rust"}, 422, "Invalid enum value 'rust'"),
        ("POST", "/faults", {"vehicle_id": "X", "fault": "misfire", "severity": 2}, 422, "severity"),
        ("POST", "/faults", {"vehicle": "X"}, 422, "unknown field `vehicle`"),
        ("PATCH", "/", {"rate": 0}, 422, "Expected `float` >= 0.001 - at `$.rate`"),
        ("PATCH", "/", {"rate": 51}, 422, "Expected `float` <= 50.0 - at `$.rate`"),
        ("PATCH", "/", {"vehicles": 31}, 422, "31 are more than 30; start the fleet with a larger --most-vehicles"),
        ("PATCH", "/", {"vehicles": 0}, 422, "vehicles"),
        ("PATCH", "/", {"speed": 1}, 422, "unknown field `speed`"),
        ("PATCH", "/", {"disturbances": {"clock_skew": 1}}, 422, "no clock_skew; there are late, late_by_s"),
        ("PATCH", "/", {"disturbances": {"late": 2}}, 422, "Expected `float` <= 1.0 - at `$.late`"),
        ("DELETE", "/faults/X/misfire", None, 404, "X is not in the fleet"),
        ("DELETE", "/faults/X/rust", None, 404, "'rust' is no fault; there are coolant_leak"),
        ("GET", "/elsewhere", None, 404, "Not Found"),
        ("POST", "/", {}, 405, "Method Not Allowed"),
    ],
)
def test_bad_input_is_told_as_problem_details_and_changes_nothing(
    bench: Bench, verb: str, path: str, body: dict[str, Any] | None, status: int, detail: str
) -> None:
    before = bench.state()
    answer = bench.client.request(verb, path, json=body, headers=JSON)
    assert (answer.status_code, answer.json()["status"]) == (status, status)
    assert answer.headers["content-type"] == "application/problem+json"
    assert detail in answer.json()["detail"]
    assert bench.state() == before


def test_the_same_fault_twice_is_a_conflict_and_one_that_is_not_there_is_not_found(bench: Bench) -> None:
    asked = {"vehicle_id": bench.vins[0], "fault": "misfire"}
    assert bench.client.post("/faults", json=asked).status_code == 201
    assert bench.client.post("/faults", json=asked).status_code == 409
    assert bench.client.delete(f"/faults/{bench.vins[0]}/glitch", headers=JSON).status_code == 404


def test_a_change_that_is_wrong_in_one_thing_changes_nothing(bench: Bench) -> None:
    before = bench.state()
    assert bench.client.patch("/", json={"rate": 5, "vehicles": 99}).status_code == 422
    assert bench.client.patch("/", json={"rate": 5, "vehicles": 12, "disturbances": {"x": 1}}).status_code == 422
    assert bench.state() == before


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", None])
def test_no_form_can_change_anything(bench: Bench, kind: str | None) -> None:
    before, headers = bench.state(), {"content-type": kind} if kind else {}
    routes: list[Any] = application(bench.steering).routes
    changing = [(verb, route.path) for route in routes for verb in set(route.methods) - {"GET", "HEAD"}]
    assert len(changing) >= 3
    for verb, path in changing:
        filled = path.format(vehicle_id=bench.vins[0], fault="misfire")
        answer = bench.client.request(verb, filled, content=b'{"rate": 5}', headers=headers)
        assert answer.status_code == 415
        assert "Content-Type: application/json" in answer.json()["detail"]
    assert bench.state() == before


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([("host", "evil.example")], 421),
        ([("host", "127.0.0.1.evil.example")], 421),
        ([("host", "127.0.0.1"), ("host", "evil.example")], 400),
        ([("host", "127.0.0.1"), ("origin", "http://evil.example")], 403),
        ([("host", "127.0.0.1"), ("origin", "http://127.0.0.1:8000")], 403),
        ([("host", "127.0.0.1"), ("origin", "null")], 403),
        ([("host", "127.0.0.1"), ("origin", "http://127.0.0.1")], 200),
        ([("host", "localhost:9300"), ("origin", "http://localhost:9300")], 200),
    ],
)
def test_no_other_site_in_a_browser_can_use_the_control(
    bench: Bench, headers: list[tuple[str, str]], status: int
) -> None:
    answer = bench.client.patch("/", content=b'{"rate": 5}', headers=[*JSON.items(), *headers])
    assert answer.status_code == status
    assert "access-control-allow-origin" not in answer.headers
    if status != 200:
        assert answer.headers["content-type"] == "application/problem+json"


def test_a_body_of_any_length_is_not_read(bench: Bench) -> None:
    assert bench.client.patch("/", content=b" " * 100_000, headers=JSON).status_code == 413


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/", b'{"rate": NaN}'), ("/", b'{"rate": 1e400}'), ("/", b'{"disturbances": {"late": 1e400}}'),
        ("/", b'{"disturbances": {"\\ud800": 1}}'), ("/", b'{"vehicles": 1' + b"0" * 400 + b"}"),
        ("/", b'{"disturbances": {"late": ' + b"[" * 5000 + b"]" * 5000 + b"}}"),
        ("/", b'{"rate": "\xff"}'), ("/", b""),
        ("/faults", b'{"vehicle_id": "\\ud800", "fault": "misfire"}'),
        ("/faults", b'{"vehicle_id": "X", "fault": "misfire", "severity": Infinity}'),
        ("/faults", b'{"vehicle_id": "X", "fault": "misfire", "growth_s": 1e-400}'),
    ],
)  # fmt: skip
def test_what_is_no_json_of_finite_numbers_is_refused(bench: Bench, path: str, body: bytes) -> None:
    before = bench.state()
    answer = bench.client.request("POST" if path == "/faults" else "PATCH", path, content=body, headers=JSON)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert bench.state() == before
