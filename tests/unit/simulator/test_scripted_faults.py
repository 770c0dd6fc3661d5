from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest

from contracts.alert import Alert
from contracts.codec import decode_reading
from contracts.errors import InvalidInput
from contracts.plausibility import believe
from rules import default_rules_file, load_rules
from rules.partition import PartitionFold
from simulator.faults.fault import EXPECTED_RULE, FAULT_KINDS, FaultKind, Faults, PlannedFault
from simulator.faults.fault_script import read_script
from simulator.faults.truth import truth_line
from simulator.live.live_fleet import LiveFleet
from simulator.readings.rows import ReadingRows
from simulator.scoring.rule_scores import NO_RULE, RuleScore, episodes, scores
from simulator.trips.network import network
from simulator.trips.road_book import road_book
from simulator.vehicles.fleet import fleet, registry

START_MS = 1_790_000_000_000
BOOK = road_book(network("generated", seed=3, segments=3000), 3)
CARS = fleet(60, 3)
VINS = [vin.decode() for vin in CARS.vehicle_id.tolist()]
TICKS = 1500


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "faults.toml"
    file.write_text(text, encoding="utf-8")
    return file


def script(tmp_path: Path, text: str) -> list[PlannedFault]:
    return read_script(written(tmp_path, text), vehicle_ids=VINS, growth_s=15, repair_s=90)


def test_a_script_names_cars_by_number_or_vin_and_the_run_fills_what_it_leaves_out(tmp_path: Path) -> None:
    text = f"""
        [[fault]]
        vehicle = 3
        fault = "coolant_leak"

        [[fault]]
        vehicle = "{VINS[5]}"
        fault = "misfire"
        start = "2m"
        growth = "1m"
        repair = "never"
        severity = 0.6
    """
    assert script(tmp_path, text) == [
        PlannedFault(3, "coolant_leak", start_s=0, growth_s=15, repair_s=90),
        PlannedFault(5, "misfire", start_s=120, growth_s=60, repair_s=None, severity=0.6),
    ]


@pytest.mark.parametrize(
    ("wrong", "line", "remedy"),
    [
        ('vehicle = 60\nfault = "glitch"', 3, "give a number from 0 to 59 or the VIN"),
        ('vehicle = "0CC"\nfault = "glitch"', 3, "is not in the fleet"),
        ('vehicle = 1\nfault = "rust"', 4, "'rust' is no fault; there are coolant_leak"),
        ('vehicle = 1\nfault = "glitch"\nstart = "soon"', 5, 'write it as "90s"'),
        ('vehicle = 1\nfault = "glitch"\nrepair = "later"', 5, 'or "never"'),
        ('vehicle = 1\nfault = "glitch"\ngrowth = "0s"', 5, "is no duration"),
        ('vehicle = 1\nfault = "glitch"\nrepair = inf', 5, "is no duration"),
        ('vehicle = 1\nfault = "glitch"\nseverity = 1.5', 5, "at most 1"),
        ('vehicle = 1\nfault = "glitch"\nwheel = 2', 5, "no such key; there are vehicle"),
        ("vehicle = ", 3, "mend that line"),
    ],
)
def test_a_wrong_script_is_told_with_file_line_and_remedy(tmp_path: Path, wrong: str, line: int, remedy: str) -> None:
    with pytest.raises(InvalidInput) as told:
        script(tmp_path, f"# a script\n[[fault]]\n{wrong}\n")
    assert f"faults.toml:{line}: " in str(told.value)
    assert remedy in str(told.value)


def test_a_file_that_is_no_script_is_refused(tmp_path: Path) -> None:
    for text in ("", "x = 1", "fault = 3", "fault = [1]"):
        with pytest.raises(InvalidInput, match="for each fault, and nothing else"):
            script(tmp_path, text)
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_script(tmp_path / "gone.toml", vehicle_ids=VINS, growth_s=15, repair_s=90)


def driven(planned: list[PlannedFault], ticks: int = TICKS) -> tuple[LiveFleet, list[Alert]]:
    """Drive the fleet through the rules as the hot path would; silence is judged as its partition goes on."""
    faults = Faults(len(CARS), per_vehicle_hour=0, growth_s=15, repair_s=90, script=planned)
    live = LiveFleet(CARS, BOOK, seed=3, start_ms=START_MS, rate_hz=1, faults=faults)
    owner = dict(zip(VINS, CARS.partition.tolist(), strict=True))
    rules, known = load_rules(default_rules_file()), {each.vehicle_id: each for each in registry(CARS)}
    folds = {number: PartitionFold(number, rules, registry=known) for number in set(owner.values())}
    rows, alerts, offset = ReadingRows(64), list[Alert](), 0
    for _ in range(ticks):
        for message in rows.encode(live.tick()[0]):
            partition = owner[decode_reading(message).vehicle_id]
            received_at_ms = decode_reading(message).recorded_at_ms + 5
            reading, ignored = believe(message, partition=partition, received_at_ms=received_at_ms)
            assert ignored == ()
            alerts += folds[partition].advance(received_at_ms)
            alerts += folds[partition].fold(reading, offset=offset, received_at_ms=received_at_ms)
            offset += 1
    return live, alerts


@pytest.fixture(scope="module")
def scored() -> tuple[LiveFleet, dict[str, RuleScore]]:
    """Every kind of fault on four cars each, for long enough that nearly all reach their rule's condition."""
    planned = [
        PlannedFault(4 * number + each, kind, start_s=100, growth_s=15, repair_s=1250)
        for number, kind in enumerate(FAULT_KINDS)
        for each in range(4)
    ]
    live, alerts = driven(planned)
    truth = [truth_line(fault, CARS) for fault in live.faults.history]
    return live, {score.rule: score for score in scores(truth, episodes(alerts), slack_ms=120_000)}


def test_every_fault_of_a_script_begins_and_ends(scored: tuple[LiveFleet, dict[str, RuleScore]]) -> None:
    count = defaultdict[FaultKind, int](int)
    for fault in scored[0].faults.history:
        count[fault.kind] += 1
        assert fault.started_at_ms >= START_MS + 100_000
    assert count == dict.fromkeys(FAULT_KINDS, 4)


@pytest.mark.parametrize("kind", [kind for kind in FAULT_KINDS if EXPECTED_RULE[kind]])
def test_every_fault_that_reaches_its_rules_condition_is_found(
    scored: tuple[LiveFleet, dict[str, RuleScore]], kind: FaultKind
) -> None:
    score = scored[1][str(EXPECTED_RULE[kind])]
    assert score.injected == 4
    assert score.missed == 0
    if kind not in ("stuck_thermostat", "oil_pump_wear"):  # these need a long trip, or a fast road
        assert score.reached >= 3


def test_glitches_and_noise_raise_nothing_and_no_healthy_car_is_accused(
    scored: tuple[LiveFleet, dict[str, RuleScore]],
) -> None:
    assert scored[1][NO_RULE].injected == 8
    assert sum(score.false_alarms for score in scored[1].values()) == 0


def test_a_thousand_single_sample_glitches_raise_nothing() -> None:
    planned = [
        PlannedFault(car, "glitch", start_s=20.0 + 17 * number, growth_s=1, repair_s=1)
        for car in range(60)
        for number in range(20)
    ]
    live, alerts = driven(planned, 400)
    assert len(live.faults.history) > 1000
    assert alerts == []


def test_a_silent_car_says_nothing_and_its_sequence_has_no_gap() -> None:
    planned = [PlannedFault(0, "telematics_silence", start_s=30, growth_s=1, repair_s=60)]
    live = LiveFleet(
        CARS, BOOK, seed=3, start_ms=START_MS, rate_hz=1,
        faults=Faults(len(CARS), per_vehicle_hour=0, growth_s=1, repair_s=1, script=planned),
    )  # fmt: skip
    heard: list[tuple[int, int]] = []
    for _ in range(320):
        columns = live.tick()[0]
        is_mine = columns.values["vehicle_id"] == CARS.vehicle_id[0]
        times, numbers = (columns.values[name][is_mine].tolist() for name in ("recorded_at_ms", "sequence"))
        heard.extend(zip(times, numbers, strict=True))
    (fault,) = live.faults.history
    assert fault.ended_at_ms
    assert not [at_ms for at_ms, _ in heard if fault.started_at_ms <= at_ms < fault.ended_at_ms]
    assert [number for _, number in heard] == list(range(heard[0][1], heard[0][1] + len(heard)))


def test_the_alerts_of_a_repaired_car_are_cleared_when_it_drives_on() -> None:
    _, alerts = driven([PlannedFault(car, "misfire", start_s=30, growth_s=5, repair_s=30) for car in range(4)], 260)
    states = defaultdict[tuple[str, str], list[str]](list)
    for alert in alerts:
        states[alert.vehicle_id, alert.rule].append(alert.state)
    assert {rule for _, rule in states} == {"misfire_code", "misfiring"}
    assert all(each[0] == "raised" and each[-1] == "cleared" for each in states.values())
