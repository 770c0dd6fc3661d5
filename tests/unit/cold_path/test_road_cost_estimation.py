from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from cold_path.routes.credibility import LEAST_K, MOST_K, Cells, credible, shrinkage
from cold_path.routes.estimation import estimated


def cells_of(*observations: list[float]) -> Cells:
    return Cells(
        np.array([float(len(of_cell)) for of_cell in observations]),
        np.array([sum(of_cell) for of_cell in observations]),
        np.array([sum(one**2 for one in of_cell) for of_cell in observations]),
    )


def test_a_cell_without_observations_gets_its_prior() -> None:
    assert credible(cells_of([], [2.0, 2.2]), np.array([1.5, 1.0]))[0] == 1.5


def test_an_estimate_lies_between_mean_and_prior_and_nearer_to_the_mean_the_more_was_seen() -> None:
    few, many = credible(cells_of([2.0], [2.0] * 50), np.array([1.0, 1.0]))
    assert 1.0 < few < many < 2.0


def test_few_observations_leave_the_cautious_k() -> None:
    assert credible(cells_of([2.0, 4.0]), np.array([1.0]))[0] == pytest.approx((6.0 + 10 * 1.0) / 12)


def test_cells_that_differ_by_themselves_are_believed_soon_and_mere_noise_late() -> None:
    rng = np.random.default_rng(1)
    true = rng.normal(1.5, 0.5, 200)
    distinct = cells_of(*(list(rng.normal(mean, 0.05, 10)) for mean in true))
    alike = cells_of(*(list(rng.normal(1.5, 0.5, 10)) for _ in true))
    prior = np.full(200, 1.5)
    assert shrinkage(distinct, prior) == LEAST_K
    assert shrinkage(alike, prior) > MOST_K / 2


def test_k_is_the_ratio_of_the_two_variances() -> None:
    rng = np.random.default_rng(2)
    within, apart = 0.6, 0.3
    cells = cells_of(*(list(rng.normal(mean, within, 8)) for mean in rng.normal(1.2, apart, 3_000)))
    assert shrinkage(cells, np.full(3_000, 1.2)) == pytest.approx(within**2 / apart**2, rel=0.1)


def test_estimates_err_less_than_means_and_than_priors() -> None:
    rng = np.random.default_rng(3)
    true = rng.normal(1.4, 0.3, 500)
    cells = cells_of(*(list(rng.normal(mean, 0.6, int(rng.integers(1, 6)))) for mean in true))
    prior = np.full(500, 1.4)

    def error(estimate: Any) -> float:
        return float(np.sqrt(np.mean((estimate - true) ** 2)))

    assert error(credible(cells, prior)) < 0.9 * min(error(cells.mean), error(prior))


def a_cell(segment: int, ratios: list[float], *, time_of_day: str | None = "day", group: str = "g") -> dict[str, Any]:
    sums = {"count": float(len(ratios)), "total": sum(ratios), "squares": sum(one**2 for one in ratios)}
    return {
        "segment_id": segment,
        "vehicle_class": "medium",
        "road_group": group,
        "model_seconds": 8.11,
        "model_fuel_ml": 8.2,
        "time_of_day": time_of_day,
        "traversals": float(len(ratios)),
        **{f"{quantity}_{name}": value for quantity in ("seconds", "fuel_ml") for name, value in sums.items()},
    }


def costs_of(*cells: dict[str, Any]) -> dict[tuple[int, str], Any]:
    rows: list[Any] = list(estimated(pd.DataFrame(cells)).itertuples())
    return {(row.segment_id, row.time_of_day): row for row in rows}


def test_the_example_of_the_manual() -> None:
    """Three passages of 10, 14 and 24 s over a road whose model is 8.11 s; two others, of like roads, at 1.5."""
    ratios = [10 / 8.11, 14 / 8.11, 24 / 8.11]
    costs = costs_of(a_cell(1, ratios), a_cell(2, [1.5, 1.5]), a_cell(3, [], time_of_day=None))
    group = (sum(ratios) + 3.0 + 20 * (sum(ratios) + 3.0) / 5) / 25
    assert group == pytest.approx(1.784, abs=1e-3)
    assert costs[1, "all"].observed_seconds == pytest.approx(16.0, abs=1e-3)
    assert costs[1, "all"].seconds == pytest.approx(8.11 * (sum(ratios) + 10 * group) / 13, abs=1e-3)
    assert costs[1, "all"].seconds == pytest.approx(14.82, abs=5e-3)
    assert costs[3, "all"].seconds == pytest.approx(8.11 * group, abs=1e-3)
    assert (3, "day") not in costs


def test_a_time_of_day_is_drawn_towards_the_whole_day() -> None:
    costs = costs_of(a_cell(1, [3.0, 3.0], time_of_day="morning"), a_cell(1, [1.0, 1.0], time_of_day="night"))
    night, whole, morning = (costs[1, time].seconds for time in ("night", "all", "morning"))
    assert 8.11 < night < whole < morning < 3 * 8.11
    assert costs[1, "all"].traversals == 4


def test_roads_of_another_kind_have_another_prior() -> None:
    costs = costs_of(
        a_cell(1, [3.0] * 40, group="signals"), a_cell(2, [1.0] * 40, group="free"),
        a_cell(3, [], time_of_day=None, group="signals"), a_cell(4, [], time_of_day=None, group="free"),
    )  # fmt: skip
    assert costs[3, "all"].seconds > 2 * costs[4, "all"].seconds * 0.9
    assert costs[4, "all"].observed_seconds is None or np.isnan(costs[4, "all"].observed_seconds)
