"""How well the rules find what breaks: a scripted day of a fleet, every kind of fault, disturbances on.

python benchmarks/detection.py [--vehicles 1000] [--each 40] [--interval 2] [--roads generated] [--seed 1]

The day is simulated faster than it passes: readings travel the simulator's disturbed way and are judged and folded in
this process by the very code that the hot path runs (contracts.plausibility, rules.partition), with the arrival of
each reading as the broker's clock. tests/integration/test_simulator_scores_alerts.py does the same through a real
broker and hot path, for minutes.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator

import _own_package  # noqa: F401 - before what is named like this file
import numpy as np
from _figures import keep, tell
from rich.progress import track  # noqa: TID251 - what it shows is a constant

from contracts.alert import Alert
from contracts.errors import MalformedReading
from contracts.plausibility import believe
from contracts.topics import READING_PARTITIONS
from observability.terminal import Console
from rules import default_rules_file, load_rules
from rules.partition import PartitionFold
from simulator.faults.fault import EXPECTED_RULE, FAULT_KINDS, FaultKind, Faults, PlannedFault
from simulator.faults.truth import TruthLine, truth_line
from simulator.past.history import History, PastTrips
from simulator.past.scripted import scripted
from simulator.readings.rows import ReadingRows
from simulator.report import show_score
from simulator.scoring.rule_scores import episodes, scores
from simulator.scoring.score import Scored
from simulator.transport.arrivals import Arrivals, Transport
from simulator.transport.disturbances import Disturbances, Knob, skew_ms
from simulator.trips.network import network
from simulator.trips.road_book import road_book
from simulator.trips.trip_calendar import DAY_S, calendar
from simulator.vehicles.fleet import Fleet, fleet, registry

UNTIL_MS = 1_790_035_200_000
"""03:00 UTC, the evening of the city's clock: the day's trips lie before."""
CHUNK = 4000
SLACK_MS = 120_000
REPAIR_S = 4 * 3600.0
GROWTH_S = (60.0, 600.0)
SEVERITY = (0.95, 1.0)
DISTURBANCES = Disturbances(
    late=Knob(0.02, 1), late_by_s=60, duplicated=Knob(0.02, 2), reordered=Knob(0.05, 3), reordered_within_s=10,
    lost=Knob(0.02, 4), malformed=Knob(0.01, 5), clock_skew=Knob(20.0, 6), tunnel=Knob(1.0, 7), tunnel_s=60,
)  # fmt: skip


def main() -> None:
    options = _options()
    began_s = time.monotonic()
    cars = fleet(options.vehicles, options.seed)
    history = _day(cars, options)
    truth = _truth(cars, history)
    alerts, hours = _alerts(cars, history)
    scored = Scored(scores(truth, episodes(alerts), slack_ms=SLACK_MS), hours)
    console = Console()
    show_score(scored, console, as_json=False, minimum_recall=None)
    figures = _figures(scored, history, time.monotonic() - began_s)
    keep("detection", figures)
    tell("detection", figures)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vehicles", type=int, default=1000)
    parser.add_argument("--each", type=int, default=40, help="cars for each kind of fault")
    parser.add_argument("--interval", type=int, default=2, help="seconds between two readings of a car")
    parser.add_argument("--roads", default="generated")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def script(vehicles: int, each: int, seed: int) -> Iterator[PlannedFault]:
    """Break `each` cars in each way, one way a car, at any time of the day; the other cars stay healthy."""
    random = np.random.default_rng([seed, 9])
    ill = random.permutation(vehicles)[: each * len(FAULT_KINDS)].tolist()
    for at, vehicle in enumerate(ill):
        kind: FaultKind = FAULT_KINDS[at % len(FAULT_KINDS)]
        growth_s, severity = random.uniform(*GROWTH_S), random.uniform(*SEVERITY)
        for _ in range(10 if kind == "glitch" else 1):
            start_s = random.uniform(0.3, 0.95) * DAY_S
            repair_s = 0.0 if kind == "glitch" else REPAIR_S
            # A glitch is one reading: it is over before the next.
            grows_s = 0.001 if kind == "glitch" else growth_s
            yield PlannedFault(vehicle, kind, start_s=start_s, growth_s=grows_s, repair_s=repair_s, severity=severity)


def _day(cars: Fleet, options: argparse.Namespace) -> History:
    planned = calendar(len(cars), days=1, until_ms=UNTIL_MS, random=np.random.default_rng([options.seed, 6]))
    faults = Faults(len(planned), per_vehicle_hour=0, growth_s=15, repair_s=90)
    faults.plant(scripted(script(len(cars), options.each, options.seed), planned, from_ms=UNTIL_MS - DAY_S * 1000))
    book = road_book(network(options.roads, seed=options.seed, segments=4000), options.seed)
    trips = PastTrips(cars, book, planned, interval_s=options.interval, seed=options.seed, faults=faults)
    return trips.drive(lambda _: None)


def _truth(cars: Fleet, history: History) -> list[TruthLine]:
    # The clock of rules is the earlier of the car's and the broker's: only a slow clock moves what they see.
    off_ms = np.minimum(skew_ms(DISTURBANCES, cars.vehicle_id), 0).tolist()
    return [truth_line(fault, cars, off_ms=off_ms[fault.vehicle]) for fault in history.faults]


def _alerts(cars: Fleet, history: History) -> tuple[list[Alert], float]:
    """Fold every partition; give all alerts, and the hours that were driven."""
    rules, known = load_rules(default_rules_file()), {each.vehicle_id: each for each in registry(cars)}
    alerts: list[Alert] = []
    for partition in track(range(READING_PARTITIONS), "folding", console=Console(stderr=True)):
        fold = PartitionFold(partition, rules, registry=known)
        offset = 0
        for arrived in _arrivals(history, partition):
            for message, at_ms in zip(arrived.messages, arrived.arrives_at_ms.tolist(), strict=True):
                alerts += fold.advance(at_ms)
                try:
                    reading, _ = believe(message, partition=partition, received_at_ms=at_ms)
                except MalformedReading:
                    continue
                alerts += fold.fold(reading, offset=offset, received_at_ms=at_ms)
                offset += 1
    values = history.columns.values
    ended = ~values["ignition_on"]
    driven_ms = (values["recorded_at_ms"] - values["trip_started_at_ms"])[ended].sum()
    return alerts, float(driven_ms) / 3_600_000


def _arrivals(history: History, partition: int) -> Iterator[Arrivals]:
    transport, encoder = Transport(DISTURBANCES), ReadingRows(CHUNK)
    start, end = np.searchsorted(history.columns.partition, [partition, partition + 1]).tolist()
    for at in range(start, end, CHUNK):
        some = history.columns.part(at, min(at + CHUNK, end))
        sent_at_ms = some.values["recorded_at_ms"]
        messages = encoder.encode(transport.skewed(some))
        yield transport.carried(some, messages, sent_at_ms=sent_at_ms, until_ms=int(sent_at_ms[-1]))
    yield transport.rest()


def _figures(scored: Scored, history: History, seconds: float) -> dict[str, float | None]:
    whole = scored.figures(scored.total)
    named = ("injected", "reached", "recall", "false_alarms", "false_per_1000_vehicle_hours", "detected_p50_s")
    rules = {rule for rule in EXPECTED_RULE.values() if rule}
    return {
        "readings": len(history.columns),
        "vehicle_hours": round(scored.vehicle_hours, 1),
        "seconds": round(seconds, 1),
        **{name: whole[name] for name in named},
        **{f"{score.rule}_recall": scored.figures(score)["recall"] for score in scored.rules if score.rule in rules},
    }


if __name__ == "__main__":
    main()
