"""Fuel and time of segments by vehicle class and time of day, from observed ratios to the model's."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from cold_path.routes.credibility import Cells, Floats, credible

_GROUP_WEIGHT: Final = 20.0
"""The ratio of a group of roads is drawn towards that of all roads as if so many passages had it."""
_PLACES: Final = 3
_QUANTITIES: Final = ("seconds", "fuel_ml")


def estimated(cells: pd.DataFrame) -> pd.DataFrame:
    """Give one row a segment, vehicle class and time of day ("all", and those with a passage).

    Columns of `cells`: segment_id, vehicle_class, road_group, model_seconds, model_fuel_ml, time_of_day (null without
    a passage), traversals, and for both quantities Q_count, Q_total, Q_squares: sums over ratios of observed to model.

    The prior of a segment is the model times the ratio of its group of roads; the prior of a time of day is the
    estimate for all day.
    """
    whole = _all_day(cells)
    timed = cells[cells["time_of_day"].notna()].copy()
    for quantity in _QUANTITIES:
        whole[f"{quantity}_ratio"] = credible(_sums(whole, quantity), _group_ratio(whole, quantity))
        of_day = timed.merge(whole[["segment_id", "vehicle_class", f"{quantity}_ratio"]], how="left")
        timed[f"{quantity}_ratio"] = credible(_sums(timed, quantity), of_day[f"{quantity}_ratio"].to_numpy())
    return _costs(pd.concat([whole, timed], ignore_index=True))


def _all_day(cells: pd.DataFrame) -> pd.DataFrame:
    """Sum over the times of day."""
    keys = ["segment_id", "vehicle_class"]
    summed = dict.fromkeys(("traversals", *_sum_names("seconds"), *_sum_names("fuel_ml")), "sum")
    first = dict.fromkeys(("road_group", "model_seconds", "model_fuel_ml"), "first")
    return cells.groupby(keys, as_index=False, sort=True).agg(first | summed).assign(time_of_day="all")


def _sum_names(quantity: str) -> list[str]:
    return [f"{quantity}_{name}" for name in ("count", "total", "squares")]


def _sums(cells: pd.DataFrame, quantity: str) -> Cells:
    return Cells(*(cells[name].to_numpy(dtype=np.float64) for name in _sum_names(quantity)))


def _group_ratio(whole: pd.DataFrame, quantity: str) -> Floats:
    """Give for each row the mean ratio of its group of roads; 1, the model itself, when nothing was observed."""
    count, total, _ = _sum_names(quantity)
    overall = whole[total].sum() / whole[count].sum() if whole[count].sum() > 0 else 1.0
    groups = whole.groupby("road_group")[[count, total]].transform("sum")
    ratio = (groups[total] + _GROUP_WEIGHT * overall) / (groups[count] + _GROUP_WEIGHT)
    return ratio.to_numpy(dtype=np.float64)


def _costs(cells: pd.DataFrame) -> pd.DataFrame:
    costs = cells[["segment_id", "vehicle_class", "time_of_day", "traversals"]].copy()
    for quantity in _QUANTITIES:
        model = cells[f"model_{quantity}"]
        costs[quantity] = (model * cells[f"{quantity}_ratio"]).round(_PLACES)
        costs[f"observed_{quantity}"] = (model * _sums(cells, quantity).mean).round(_PLACES)
        costs[f"model_{quantity}"] = model.round(_PLACES)
    return costs.sort_values(["segment_id", "vehicle_class", "time_of_day"], ignore_index=True)
