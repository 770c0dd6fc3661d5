from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from manifests import a_manifest

from cold_path.operation.summary import Pins
from cold_path.operation.version import NextVersion
from cold_path.source.registry import Registry
from cold_path.versions.publication import begin, publish
from roads import RoadNetwork, default_network

LAKE: Any = SimpleNamespace(state=object(), covered={0: 3}, survey=SimpleNamespace(rows=3))


def next_version(views: Path, network: RoadNetwork | None, *, is_patient: bool = False) -> NextVersion:
    return NextVersion(cast("Any", LAKE), views, Pins("", "r", "0.1.0", network), is_full=False, is_patient=is_patient)


def publish_with(views: Path, road_graph_hash: str | None) -> None:
    publish(views, begin(views, 1), a_manifest(road_graph_hash=road_graph_hash))


def test_a_version_without_roads_is_followed_by_one_with_them(tmp_path: Path) -> None:
    publish_with(tmp_path, None)
    assert next_version(tmp_path, default_network()).is_due(Registry())
    assert not next_version(tmp_path, None).is_due(Registry())


def test_another_network_is_worth_another_version(tmp_path: Path) -> None:
    publish_with(tmp_path, default_network().hash)
    assert not next_version(tmp_path, default_network()).is_due(Registry())
    publish_with(tmp_path / "other", "0" * 64)
    assert next_version(tmp_path / "other", default_network()).is_due(Registry())


def test_what_an_older_fold_has_raised_is_computed_anew(tmp_path: Path) -> None:
    publish(tmp_path, begin(tmp_path, 1), a_manifest(fold_version=1))
    assert next_version(tmp_path, None).is_due(Registry())


@pytest.mark.parametrize(("is_patient", "has_roads"), [(False, False), (True, True)])
def test_only_a_run_that_is_not_awaited_matches_for_the_first_version(
    tmp_path: Path, *, is_patient: bool, has_roads: bool
) -> None:
    first = next_version(tmp_path, default_network(), is_patient=is_patient)
    assert (first._network() is not None) == has_roads
    publish_with(tmp_path, None)
    assert first._network() is default_network()
