"""Load on the API: wrk with a mix of routes at a steady rate; and wrk itself, installed where it is absent."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from observability.plain_text import print_error

_SCRIPT = """
local paths = { %(paths)s }
local gap_ms = %(gap_ms)f
function setup(thread) thread:set("seed", os.time()) end
function init(args) math.randomseed(seed) end
function delay() return gap_ms * 2 * math.random() end
function request() return wrk.format("GET", paths[math.random(#paths)]) end
function done(summary, latency, requests)
  local told = { summary.requests, summary.duration / 1e6, summary.errors.status + summary.errors.connect
    + summary.errors.read + summary.errors.write + summary.errors.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, latency.max / 1e3 }
  io.write("told=" .. table.concat(told, " ") .. "\\n")
end
"""
_CONNECTIONS = 60


def wrk() -> str:
    """Give the program, installed from Debian when there is none."""
    if (found := shutil.which("wrk")) is None:
        print_error("installing Debian's package wrk")
        for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", "wrk"]):
            subprocess.run(command, check=True, env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"})  # noqa: TID251
        found = shutil.which("wrk")
    if found is None:
        sys.exit("wrk cannot be installed here; install it by hand (https://github.com/wg/wrk)")
    return found


def loaded(url: str, paths: list[str], *, rate: float, seconds: int, folder: Path) -> dict[str, float]:
    """Ask for these at a rate of about so many a second; give requests a second, errors, and latencies in ms."""
    script = folder / "mix.lua"
    listed = ", ".join(json.dumps(path) for path in paths)
    script.write_text(_SCRIPT % {"paths": listed, "gap_ms": _CONNECTIONS / rate * 1000})
    command = [wrk(), "-t1", f"-c{_CONNECTIONS}", f"-d{seconds}s", "--timeout", "5s", "-s", str(script), url]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r"told=(.*)", told)
    if found is None:
        raise LookupError(f"wrk told nothing: {told}")
    requests, duration_s, errors, p50, p99, worst = map(float, found[1].split())
    return {
        "requests_per_s": requests / duration_s, "errors": errors, "p50_ms": p50, "p99_ms": p99, "worst_ms": worst,
    }  # fmt: skip
