from __future__ import annotations

import numpy as np

from simulator.live.pace import HOPELESS_S, Pace
from simulator.live.slices import slices
from simulator.transport.arrivals import Arrivals


def looks(behind_s: list[float], *, every_s: float = 1.0) -> tuple[Pace, list[bool]]:
    pace = Pace(vehicles=1000, rate_hz=2)
    return pace, [pace.look(at * every_s + behind, at * every_s) for at, behind in enumerate(behind_s)]


def test_a_run_on_time_says_nothing() -> None:
    pace, told = looks([0.1] * 100)
    assert not any(told)
    assert pace.hopeless is None


def test_a_run_behind_says_so_every_ten_seconds_and_keeps_the_worst() -> None:
    pace, told = looks([3.0] * 31)
    assert sum(told) == 4
    assert (pace.now_s, pace.worst_s) == (3.0, 3.0)
    assert pace.hopeless is None


def test_a_run_that_catches_up_is_not_given_up() -> None:
    pace, _ = looks([60.0 - second for second in range(60)])
    assert pace.hopeless is None


def test_a_rate_that_the_machine_cannot_keep_ends_with_what_it_does_keep() -> None:
    # Each second of event time takes two of the clock: half of the 2,000 readings a second are kept.
    pace, _ = looks([float(second) for second in range(60)])
    assert pace.hopeless is not None
    told = str(pace.hopeless)
    assert "of 2,000 readings a second this machine and broker keep about 1,000" in told
    assert "lower --vehicles to 450, or --rate" in told
    assert "behind the clock by" in told
    assert pace.worst_s >= HOPELESS_S


def test_a_stall_shorter_than_half_a_minute_is_forgiven() -> None:
    pace, _ = looks([0.0] * 20 + [29.0] * 100)
    assert pace.hopeless is None


def test_slices_keep_every_message_once_in_the_order_of_its_partition() -> None:
    random = np.random.default_rng(1)
    at_ms = np.sort(random.integers(5_000, 6_000, 500))
    keys = [b"car%d" % number for number in random.integers(0, 40, 500).tolist()]
    messages = [b"%d" % number for number in range(500)]
    owner = {key: int(key[3:]) % 12 for key in keys}
    found = list(slices(Arrivals(keys, messages, at_ms, np.array([owner[key] for key in keys])), began_ms=5_000))
    assert [each.due_ms for each in found] == sorted(each.due_ms for each in found)
    sent: dict[int, list[bytes]] = {}
    for each in found:
        assert len({partition for partition, _, _ in each.batches}) == len(each.batches)
        for partition, some_keys, some in each.batches:
            assert {owner[key] for key in some_keys} == {partition}
            sent.setdefault(partition, []).extend(some)
            assert all(at_ms[int(message)] - 5_000 <= each.due_ms for message in some)
    for partition, some in sent.items():
        assert some == [message for key, message in zip(keys, messages, strict=True) if owner[key] == partition]
    nothing = np.zeros(0, dtype=np.int64)
    assert not list(slices(Arrivals([], [], nothing, nothing), began_ms=0))
