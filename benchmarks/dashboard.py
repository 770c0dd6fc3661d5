"""The dashboard in Chromium: first content, kilobytes, frames with 10,000 moving cars, alert to screen, memory.

    python benchmarks/dashboard.py [--quick] [--minutes 10]

Everything runs on this machine: browser (without a GPU, so the processor draws), API, store and what moves the cars.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import _own_package  # noqa: F401 - benchmarks/api.py would hide the API
import httpx
from _moving_fleet import MovingFleet
from aiokafka import AIOKafkaProducer
from playwright.sync_api import Browser, Page

from contracts.alert import Alert
from contracts.codec import encode
from contracts.partitioning import partition_of_key
from contracts.topics import ENGINE_ALERTS, READING_PARTITIONS
from observability.terminal import Console, Table
from stack.broker import SMALL_HEAP_MB, Broker, BrokerFiles
from stack.environment import machine_environment
from stack.ports import free_port
from stack.topics import ensure_topics

sys.path.append(str(Path(__file__).parents[1] / "tests"))
from chromium import a_browser, holds
from filled_readings import fill_readings

OUTPUT = Path("build/benchmarks/dashboard.json")
WIDTH, HEIGHT = 1280, 800
Figures = dict[str, float]
_INTERVALS = """seconds => new Promise(resolve => {
  const intervals = []; let before = performance.now(); const until = before + seconds * 1000;
  const step = now => { intervals.push(now - before); before = now;
    now < until ? requestAnimationFrame(step) : resolve(intervals); };
  requestAnimationFrame(step); })"""
_FILLED = """new MutationObserver((_, watch) => { if (!document.querySelector(".tiles b")) return;
  window.filledAt = performance.now(); watch.disconnect(); }).observe(document, { childList: true, subtree: true });"""
_SEEN = """() => { window.seenAt = {}; const look = () => document.querySelectorAll(".why, .toast").forEach(one => {
  const told = /number (\\d+)/.exec(one.textContent); if (told) window.seenAt[told[1]] ??= Date.now(); });
  new MutationObserver(look).observe(document.body, { childList: true, subtree: true, characterData: true }); }"""


def main() -> None:
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    options = _options()
    vehicles, seconds = (2_000, 5) if options.quick else (10_000, 20)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        files = BrokerFiles.found(machine_environment())
        broker = Broker.start(files, data=folder / "kafka", heap_mb=SMALL_HEAP_MB, log=folder / "broker.log")
        stack.callback(broker.stop)
        broker.wait_ready()
        asyncio.run(ensure_topics(broker.bootstrap))
        fill_readings(broker.bootstrap)
        still, moving = f"sqlite:///{folder}/still.db", f"sqlite:///{folder}/moving.db"
        stack.enter_context(_program("projector", "--store", still, "--bootstrap", broker.bootstrap, folder=folder))
        quiet = stack.enter_context(_api(still, broker.bootstrap, folder))
        browser = stack.enter_context(a_browser("--enable-precise-memory-info"))
        figures = _first_content(browser, quiet) | _alerts(
            browser, quiet, broker.bootstrap, 20 if options.quick else 50
        )
        stack.enter_context(MovingFleet(moving, vehicles))
        busy = stack.enter_context(_api(moving, broker.bootstrap, folder))
        figures |= _frames(browser, busy, vehicles, seconds) | _memory(browser, busy, options.minutes)
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    OUTPUT.write_text(json.dumps(figures, indent=2) + "\n")
    table = Table("figure", "value")
    for name, value in figures.items():
        table.add_row(name, f"{value:,.1f}")
    Console().print(table)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer cars and seconds, to see that it works")
    parser.add_argument("--minutes", type=float, default=10.0, help="how long memory is watched")
    return parser.parse_args()


@contextmanager
def _program(*command: str, folder: Path) -> Iterator[None]:
    with (folder / f"{command[0]}.log").open("ab") as log:
        program = subprocess.Popen([sys.executable, "-P", "-m", "api", *command], stdout=log, stderr=log, cwd=folder)
        try:
            yield
        finally:
            program.kill()
            program.wait()


@contextmanager
def _api(store: str, bootstrap: str, folder: Path) -> Iterator[str]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with _program("serve", "--store", store, "--bootstrap", bootstrap, "--port", str(port), folder=folder):
        for _ in range(600):
            try:
                if httpx.get(f"{url}/health/ready", timeout=2).status_code == httpx.codes.OK:
                    yield url
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.1)
        raise SystemExit(f"the API was not ready within a minute; see {folder}/serve.log")


@contextmanager
def _page(browser: Browser, address: str) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT})
    page = context.new_page()
    page.add_init_script(_FILLED)
    page.goto(address)
    yield page
    context.close()


def _first_content(browser: Browser, url: str) -> Figures:
    """Open the page five times with an empty cache: medians until anything and until its figures stand, and bytes."""
    times, filled, first, whole = [], [], [], []
    for _ in range(5):
        with _page(browser, f"{url}/#/fleet") as page:
            page.wait_for_selector(".tiles b")
            holds(page, "window.fleetMap && fleetMap.map.roads.length > 0")
            times.append(page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime"))
            filled.append(page.evaluate("window.filledAt"))
            entries = "[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]"
            summed = "reduce((sum, one) => sum + one.transferSize, 0)"
            first.append(page.evaluate(f"{entries}.filter(one => one.responseEnd <= {times[-1]}).{summed}") / 1000)
            whole.append(page.evaluate(f"{entries}.{summed}") / 1000)
    return {
        "first_content_ms": statistics.median(times),
        "first_figures_ms": statistics.median(filled),
        "first_content_kb": statistics.median(first),
        "whole_page_kb": statistics.median(whole),
    }


def _alerts(browser: Browser, url: str, bootstrap: str, count: int) -> Figures:
    """From the broker's time of an alert to the moment its text stands on the page."""
    with _page(browser, f"{url}/#/attention") as page, ThreadPoolExecutor(1) as thread:
        page.wait_for_selector(".needs, .empty", state="attached")
        holds(page, "document.getElementById('status').textContent === 'Live'")
        page.evaluate(_SEEN)
        sending = thread.submit(asyncio.run, _send_alerts(bootstrap, count))
        while not sending.done():
            page.wait_for_timeout(100)
        page.wait_for_timeout(1_500)
        seen = page.evaluate("window.seenAt")
    sent = sending.result()
    delays = sorted(seen[str(number)] - at_ms for number, at_ms in enumerate(sent) if str(number) in seen)
    if len(delays) < count:
        raise SystemExit(f"only {len(delays)} of {count} alerts came to the screen")
    return {
        "alert_to_screen_p50_ms": statistics.median(delays),
        "alert_to_screen_p95_ms": delays[min(len(delays) - 1, int(0.95 * len(delays)))],
    }


async def _send_alerts(bootstrap: str, count: int) -> list[int]:
    """Send one alert after another, no more than the page shows; give the broker's times."""
    times = []
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all") as producer:
        for number in range(count):
            vin = f"1HGCM82633A{number:06d}"
            partition = partition_of_key(vin.encode(), READING_PARTITIONS)
            now_ms = time.time_ns() // 1_000_000
            alert = Alert(
                alert_id=str(uuid.uuid4()), change=1, vehicle_id=vin, rule="coolant_over_temperature", rules_hash="r",
                severity="critical", state="raised", raised_at_ms=now_ms, changed_at_ms=now_ms, received_at_ms=now_ms,
                partition=partition, offset=number, message=f"number {number}",
            )  # fmt: skip
            record = await producer.send_and_wait(ENGINE_ALERTS.name, encode(alert), vin.encode(), partition=partition)
            times.append(record.timestamp)
            await asyncio.sleep(0.25)
    return times


def _frames(browser: Browser, url: str, vehicles: int, seconds: int) -> Figures:
    """Median and 95th percentile of the time between two frames, all cars drawn singly and in groups."""
    figures: Figures = {}
    for name, grouping in (("single", "no"), ("grouped", "yes")):
        with _page(browser, f"{url}/#/fleet?group={grouping}") as page:
            holds(page, f"window.fleetMap && fleetMap.vehicles.count >= {vehicles}", within_s=60)
            page.wait_for_timeout(12_000)  # until every car was heard again and moves
            intervals = sorted(page.evaluate(_INTERVALS, seconds)[1:])
            moved = page.evaluate("fleetMap.vehicles.isMoving(performance.now())")
            if not moved:
                raise SystemExit("the cars stand still: nothing was measured")
            figures[f"frames_per_s_{name}_median"] = 1000 / statistics.median(intervals)
            figures[f"frames_per_s_{name}_p5"] = 1000 / intervals[int(0.95 * len(intervals))]
    return figures


def _memory(browser: Browser, url: str, minutes: float) -> Figures:
    """The JavaScript heap after a collection, from the second minute to the last, while cars move."""
    with _page(browser, f"{url}/#/fleet") as page:
        session = page.context.new_cdp_session(page)
        session.send("HeapProfiler.enable")

        def used_mb() -> float:
            session.send("HeapProfiler.collectGarbage")
            return float(session.send("Runtime.getHeapUsage")["usedSize"]) / 1e6

        page.wait_for_timeout(min(60_000, 15_000 * minutes))
        first = used_mb()
        page.wait_for_timeout(minutes * 60_000)
        last = used_mb()
    return {"heap_first_mb": first, "heap_last_mb": last, "heap_growth_mb": last - first, "heap_minutes": minutes}


if __name__ == "__main__":
    main()
