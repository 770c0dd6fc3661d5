from __future__ import annotations

from dataclasses import replace

import pytest
from hostile.judgement import Latencies, Observed, faults, latencies_of, limit_ms
from serving import an_alert

from stack.heard import HeardAlert

CALM = Latencies(broker=[5, 9], stream=[300, 420], webhook=[60, 90])
UNHARMED = Observed(latencies=CALM, calm_mb={"api": 110, "kafka": 600}, peak_mb={"api": 150, "kafka": 700})


def test_an_attack_that_changes_nothing_has_no_faults() -> None:
    assert faults(UNHARMED, CALM) == []


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"latencies": replace(CALM, broker=[5, 2_600])}, "p99 2600 ms by the broker, at most 2000"),
        ({"latencies": replace(CALM, stream=[])}, "no alert came by the stream"),
        ({"missing": list("abcde")}, "alerts missing: a, b, c and 2 more"),
        ({"surplus": ["a"]}, "alerts that nothing caused: a"),
        ({"restarts": {"api": 0, "hot-path": 2}}, "hot-path restarted 2 times"),
        ({"standing": ["hot-path 3"]}, "stands: hot-path 3"),
        ({"peak_mb": {"api": 1_853}}, "api took 1853 MB, at most 410"),
        ({"peak_mb": {"kafka": 1_600}}, "kafka took 1600 MB, at most 1500"),
        ({"errors_5xx": {"/v1/alerts 500": 1}}, "1 answers of /v1/alerts 500"),
        ({"failed_runs": 1}, "1 runs of the cold path failed"),
        ({"merged_equals_recompute": False}, "merged answers differ from the recomputed ones"),
        ({"merged_equals_recompute": None}, "no verdict on the merged answers"),
        ({"complaints": ["a revoked key reads on"]}, "a revoked key reads on"),
    ],
)
def test_each_harm_is_told(changed: dict[str, object], told: str) -> None:
    assert faults(replace(UNHARMED, **changed), CALM) == [told]  # type: ignore[arg-type]


def test_a_partition_may_be_held_for_as_long_as_the_broker_lets_a_transaction_hang() -> None:
    seen = replace(UNHARMED, latencies=replace(CALM, broker=[11_000]))
    assert faults(seen, CALM, held_ms=10_000) == []


def test_on_a_machine_that_is_slow_without_an_attack_more_is_allowed() -> None:
    assert limit_ms("broker", replace(CALM, broker=[700])) == 7_000


def test_latencies_are_taken_from_the_brokers_time_of_the_reading_at_every_watcher() -> None:
    alert = an_alert("a")
    heard = {("a", 1): HeardAlert(alert, alert.received_at_ms + 7)}
    arrivals = [{("a", 1): alert.received_at_ms + 40}, {}, {("a", 1): alert.received_at_ms - 1}]
    until_ms = alert.received_at_ms + 9_000
    assert latencies_of(heard, arrivals, [("a", 1), ("b", 1)], until_ms=until_ms) == [40, 9_000, 0]
