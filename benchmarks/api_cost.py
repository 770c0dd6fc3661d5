"""What one request costs the API's process in processor time, by route, over a full store: HTTP, query and answer.

    python benchmarks/api_cost.py [--quick] [--keep FOLDER] [--requests 300]

One client asks one request after the other, and nothing writes meanwhile; what is measured is the process's own time,
so other work on the machine disturbs little. The store is that of `benchmarks/api.py`; `--keep` fills it once.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from http.client import HTTPConnection
from pathlib import Path

import _own_package  # noqa: F401 - before what is named like this file
from _api_mix import KINDS, mix
from _full_store import Size, filled

from observability.terminal import Console, Table
from stack.ports import free_port

OUTPUT = Path("build/benchmarks/api_cost.json")
BESIDE = ("/v1/rankings/fuel-efficiency?period_kind=last_30_days&limit=500", "/health/live", "/static/js/main.js")
"""Asked too, but not part of the mean of the ten."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a small store")
    parser.add_argument("--keep", type=Path, help="folder that keeps the filled store for the next time")
    parser.add_argument("--requests", type=int, default=300, help="of each route")
    options = parser.parse_args()
    size = Size(5_000, 30, 10_000) if options.quick else Size(100_000, 30, 200_000)
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/serving.db"
        filled(url, size, options.keep, Path(folder))
        paths = mix(size, options.requests)
        kinds = [paths[kind::KINDS] for kind in range(KINDS)] + [[path] * options.requests for path in BESIDE]
        costs = _costs(url, Path(folder), kinds)
    mean = sum(list(costs.values())[:KINDS]) / KINDS
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    OUTPUT.write_text(json.dumps(costs | {"mean of the ten": mean}, indent=2) + "\n")
    table = Table("route", "ms of processor time")
    for path, cost in (costs | {"mean of the ten": mean}).items():
        table.add_row(path, f"{cost:.2f}")
    Console(width=120).print(table)


def _costs(url: str, folder: Path, kinds: list[list[str]]) -> dict[str, float]:
    port = free_port()
    command = [
        sys.executable, "-P", "-m", "api", "serve", "--bootstrap", "127.0.0.1:1", "--store", url,
        "--views", str(folder / "views"), "--port", str(port),
    ]  # fmt: skip
    process = subprocess.Popen(command, cwd=folder, stderr=(folder / "api.log").open("ab"))
    try:
        _await(port)
        return {paths[0]: _cost(process.pid, port, paths) for paths in kinds}
    finally:
        process.terminate()
        process.wait(20)


def _await(port: int) -> None:
    while True:
        try:
            _ask(HTTPConnection("127.0.0.1", port), "/health/live")
        except OSError:
            time.sleep(0.05)
        else:
            return


def _cost(pid: int, port: int, paths: list[str]) -> float:
    """Give milliseconds a request, after a tenth of them that warm up."""
    connection = HTTPConnection("127.0.0.1", port)
    for path in paths[: len(paths) // 10]:
        _ask(connection, path)
    began_s = _processor_s(pid)
    for path in paths:
        _ask(connection, path)
    return (_processor_s(pid) - began_s) / len(paths) * 1000


def _ask(connection: HTTPConnection, path: str) -> None:
    connection.request("GET", path)
    answer = connection.getresponse()
    answer.read()
    if answer.status != 200:
        sys.exit(f"{path} answers {answer.status}")


def _processor_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
