"""Manifests for tests: every fact has a value, and those that a test is about are given."""

from __future__ import annotations

from typing import Any

from contracts.views import Manifest
from rules.rule import FOLD_VERSION


def a_manifest(version: int = 1, **facts: Any) -> Manifest:
    told: dict[str, Any] = {
        "version": version,
        "computed_at_ms": 2,
        "as_of_ms": 1,
        "as_of_day": "1970-01-01",
        "covered_offsets": {"0": 3},
        "registry_offset": 0,
        "rules_hash": "r",
        "road_graph_hash": None,
        "code_version": "0.1.0",
        "lake_version": 0,
        "row_counts": {},
        "fold_version": FOLD_VERSION,
    }
    return Manifest(**(told | facts))
