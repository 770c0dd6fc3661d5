from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pydantic import ValidationError

from api.app import build
from api.settings import ServeSettings

JSON = {"content-type": "application/json"}


class Fleet(ThreadingHTTPServer):
    """A control that writes down what it is asked, and refuses the fault `rust`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[tuple[str, str, Any]] = []


class _Handler(BaseHTTPRequestHandler):
    server: Fleet

    def _answered(self) -> None:
        length = int(self.headers.get("content-length", 0))
        body = json.loads(self.rfile.read(length)) if length else None
        self.server.asked.append((self.command, self.path, body))
        if "odd" in self.path:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html>")
            return
        refused = "rust" in self.path or (body or {}).get("fault") == "rust"
        answer = {"detail": "'rust' is no fault"} if refused else {"vehicles": 3}
        self.send_response((404 if self.command == "DELETE" else 422) if refused else 200)
        self.send_header("content-type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    do_GET = do_PATCH = do_POST = do_DELETE = _answered  # noqa: N815 - the base class names them

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def fleet() -> Iterator[Fleet]:
    server = Fleet()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def a_client(url: str, views: Path, control: str | None) -> TestClient:
    settings = ServeSettings(store=url, views=views, bootstrap="127.0.0.1:1", simulator_control=control)
    return TestClient(build(settings), raise_server_exceptions=False)


def test_what_is_asked_of_the_fleet_goes_on_to_its_control(url: str, tmp_path: Path, fleet: Fleet) -> None:
    with a_client(url, tmp_path, f"http://127.0.0.1:{fleet.server_port}") as client:
        assert client.get("/v1/simulator").json() == {"vehicles": 3}
        assert client.patch("/v1/simulator", json={"paused": True}).status_code == 200
        assert client.post("/v1/simulator/faults", json={"vehicle_id": "V", "fault": "misfire"}).status_code == 201
        assert client.delete("/v1/simulator/faults/V/misfire", headers=JSON).status_code == 200
    assert fleet.asked == [
        ("GET", "/", None),
        ("PATCH", "/", {"paused": True}),
        ("POST", "/faults", {"vehicle_id": "V", "fault": "misfire"}),
        ("DELETE", "/faults/V/misfire", None),
    ]


def test_the_controls_refusal_is_the_apis(url: str, tmp_path: Path, fleet: Fleet) -> None:
    with a_client(url, tmp_path, f"http://127.0.0.1:{fleet.server_port}") as client:
        answer = client.post("/v1/simulator/faults", json={"vehicle_id": "V", "fault": "rust"})
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert answer.json()["detail"] == "'rust' is no fault"


def test_the_controls_own_reason_is_told_also_for_what_is_not_there(url: str, tmp_path: Path, fleet: Fleet) -> None:
    with a_client(url, tmp_path, f"http://127.0.0.1:{fleet.server_port}") as client:
        answer = client.delete("/v1/simulator/faults/V/rust", headers=JSON)
    assert (answer.status_code, answer.json()["detail"]) == (404, "'rust' is no fault")


@pytest.mark.parametrize(
    "body",
    [b'{"rate": NaN}', b'{"rate": 1e400}', b'{"rate": -Infinity}', b'{"x": "\\ud800"}', b'{"\\udfff": 1}'],
)
def test_what_is_no_json_is_refused_before_the_control_is_asked(
    url: str, tmp_path: Path, fleet: Fleet, body: bytes
) -> None:
    with a_client(url, tmp_path, f"http://127.0.0.1:{fleet.server_port}") as client:
        for verb, path in (("PATCH", "/v1/simulator"), ("POST", "/v1/simulator/faults")):
            answer = client.request(verb, path, content=body, headers=JSON)
            assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert fleet.asked == []


def test_what_is_no_control_is_unavailable(url: str, tmp_path: Path, fleet: Fleet) -> None:
    with a_client(url, tmp_path, f"http://127.0.0.1:{fleet.server_port}") as client:
        answer = client.delete("/v1/simulator/faults/V/odd", headers=JSON)
    assert answer.status_code == 503
    assert "is it a fleet's control?" in answer.json()["detail"]


def test_without_a_control_there_is_no_fleet_to_steer(url: str, tmp_path: Path) -> None:
    with a_client(url, tmp_path, None) as client:
        answer = client.get("/v1/simulator")
    assert answer.status_code == 404
    assert "--simulator-control" in answer.json()["detail"]


def test_a_control_that_does_not_answer_is_unavailable(url: str, tmp_path: Path) -> None:
    with a_client(url, tmp_path, "http://127.0.0.1:1") as client:
        answer = client.get("/v1/simulator")
    assert answer.status_code == 503
    assert "is the simulator running?" in answer.json()["detail"]


@pytest.mark.parametrize(
    "address", ["http://fleet.example:9300", "127.0.0.1:9300", "http://127.0.0.1:9300/x", "http://"]
)
def test_only_a_control_on_this_machine_is_asked(address: str) -> None:
    with pytest.raises(ValidationError, match="simulator_control"):
        ServeSettings(simulator_control=address)
