from __future__ import annotations

import itertools
from collections import Counter

from hostile.ordinary_cars import CYCLE_S, Car, fleet

from contracts.partitioning import partition_of_key
from rules import default_rules_file, load_rules
from rules.partition import PartitionFold

BEGUN_MS = 1_790_000_000_000
VIN = "WVWZZZ1JZ00000001"


def test_alerts_fall_due_at_the_readings_that_the_rules_raise_and_clear_them_at_and_no_others() -> None:
    car = Car(VIN, BEGUN_MS, first_hot_s=37)
    fold = PartitionFold(partition_of_key(VIN.encode(), 12), load_rules(default_rules_file()), registry={})
    told, due = [], []
    for second in range(5 * CYCLE_S):
        received_at_ms = BEGUN_MS + second * 1000 + 20
        alerts = [
            *fold.advance(received_at_ms),
            *fold.fold(car.reading(second), offset=second, received_at_ms=received_at_ms),
        ]
        told += [(second, alert.alert_id, alert.change) for alert in alerts]
        due += [(second, *event)] if (event := car.due(second)) else []
    assert told == due
    assert len(due) >= 8


def test_cars_are_in_every_partition_but_one_and_spread_over_the_cycle() -> None:
    cars = fleet(begun_ms=BEGUN_MS, per_partition=12, without=11)
    by_partition = Counter(partition_of_key(car.vehicle_id.encode(), 12) for car in cars)
    assert by_partition == dict.fromkeys(range(11), 12)
    assert len({car.vehicle_id for car in cars}) == len(cars)
    due = sorted(second for car in cars for second in range(CYCLE_S, 2 * CYCLE_S) if car.due(second))
    assert len(due) == 2 * len(cars)
    assert max(later - earlier for earlier, later in itertools.pairwise(due)) <= 2
