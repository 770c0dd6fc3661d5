"""What differs between two versions: of what they depend on, and row by row of each view."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec
import pyarrow.dataset as pads

from contracts.views import VIEW_COLUMNS, version_folder

if TYPE_CHECKING:
    from pathlib import Path

    from contracts.views import Manifest

KEYS: Final[dict[str, tuple[str, ...]]] = {
    "trips": ("vehicle_id", "trip_started_at_ms"),
    "vehicle_days": ("vehicle_id", "day"),
    "fuel_efficiency": ("scope", "key", "period_kind", "period"),
    "trip_driving": ("vehicle_id", "trip_started_at_ms"),
    "driving_style": ("vehicle_id", "period_kind", "period"),
    "alert_history": ("alert_id", "change"),
    "road_costs": ("segment_id", "vehicle_class", "time_of_day"),
    "route_savings": ("vehicle_id", "trip_started_at_ms"),
}
"""What tells the rows of a view apart; a view that is not here is compared by its rows alone."""

_EXAMPLES: Final = 3
_Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class ViewDifference:
    """How one view differs; `examples` name rows that were added, removed or changed."""

    view: str
    rows_before: int
    rows_after: int
    added: int
    removed: int
    changed: int
    examples: tuple[str, ...]

    @property
    def is_equal(self) -> bool:
        """Tell whether the rows are the same."""
        return not (self.added or self.removed or self.changed)


def view_differences(views: Path, before: int, after: int) -> list[ViewDifference]:
    """Compare every view of two versions; one that a version does not have has no rows there."""
    return [
        _compared(view, _rows(version_folder(views, before), view), _rows(version_folder(views, after), view))
        for view in VIEW_COLUMNS
    ]


def manifest_differences(before: Manifest, after: Manifest) -> dict[str, tuple[Any, Any]]:
    """Give what the manifests say differently, by field."""
    left, right = msgspec.structs.asdict(before), msgspec.structs.asdict(after)
    return {name: (left[name], right[name]) for name in left if left[name] != right[name]}


def _compared(view: str, before: dict[_Row, _Row], after: dict[_Row, _Row]) -> ViewDifference:
    added = after.keys() - before.keys()
    removed = before.keys() - after.keys()
    changed = {key for key in before.keys() & after.keys() if before[key] != after[key]}
    told = [("added", key) for key in added] + [("removed", key) for key in removed] + [("changed", k) for k in changed]
    examples = tuple(f"{what} {' '.join(map(str, key))}" for what, key in sorted(told, key=str)[:_EXAMPLES])
    return ViewDifference(view, len(before), len(after), len(added), len(removed), len(changed), examples)


def _rows(folder: Path, view: str) -> dict[_Row, _Row]:
    if not (folder / view).is_dir():
        return {}
    dataset = pads.dataset(folder / view, format="parquet")
    columns = [name for name in VIEW_COLUMNS[view] if name in dataset.schema.names]
    keys = KEYS.get(view, tuple(columns))
    table = dataset.to_table(columns=columns)
    values = [table.column(name).to_pylist() for name in columns]
    at = [columns.index(name) for name in keys if name in columns]
    return {tuple(row[index] for index in at): row for row in zip(*values, strict=True)}
