from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from manifests import a_manifest
from pydantic_settings import get_subcommand

from cold_path.operation.commands import views_command
from cold_path.settings import ColdPath, ViewsCommand
from cold_path.versions.catalogue import pin, roll_back, unpin, version, versions
from cold_path.versions.difference import manifest_differences, view_differences
from cold_path.versions.publication import begin, next_version, publish
from contracts.errors import InvalidInput
from contracts.views import CURRENT_FILE, KEPT_VERSIONS, current_version, version_folder
from observability.terminal import Console

TRIP = {
    "vehicle_id": "1HGCM82633A004352",
    "trip_started_at_ms": 1,
    "partition": 3,
    "ended_at_ms": 2,
    "distance_m": 10,
    "fuel_ml": None,
    "idle_s": 0,
    "readings": 2,
}


def published(views: Path, *trips: dict[str, Any]) -> int:
    number = next_version(views)
    unfinished = begin(views, number)
    (unfinished / "trips").mkdir()
    pq.write_table(pa.Table.from_pylist(list(trips or [TRIP])), unfinished / "trips" / "part.parquet")
    publish(views, unfinished, a_manifest(number, covered_offsets={"0": number}, rules_hash="0123456789"))
    return number


def numbers(views: Path) -> list[int]:
    return [known.number for known in versions(views)]


def test_versions_are_listed_newest_first_with_the_current_one_marked(tmp_path: Path) -> None:
    for _ in range(3):
        published(tmp_path)
    assert [(known.number, known.is_current) for known in versions(tmp_path)] == [(3, True), (2, False), (1, False)]


def test_a_pinned_version_is_never_collected(tmp_path: Path) -> None:
    published(tmp_path)
    pin(tmp_path, 1)
    for _ in range(KEPT_VERSIONS + 2):
        published(tmp_path)
    assert numbers(tmp_path) == [8, 7, 6, 5, 4, 1]
    unpin(tmp_path, 1)
    published(tmp_path)
    assert 1 not in numbers(tmp_path)


def test_rolling_back_serves_the_version_below_or_the_one_named(tmp_path: Path) -> None:
    for _ in range(3):
        published(tmp_path)
    assert roll_back(tmp_path, None) == current_version(tmp_path) == 2
    assert roll_back(tmp_path, 3) == current_version(tmp_path) == 3
    assert published(tmp_path) == 4


def test_rolling_back_mends_a_broken_pointer(tmp_path: Path) -> None:
    published(tmp_path)
    (tmp_path / CURRENT_FILE).write_text("seven")
    assert roll_back(tmp_path, 1) == current_version(tmp_path) == 1


def test_a_version_that_is_not_there_is_named_with_the_remedy(tmp_path: Path) -> None:
    published(tmp_path)
    with pytest.raises(InvalidInput, match=r"version 9 is not there; `cold-path views list`"):
        roll_back(tmp_path, 9)
    with pytest.raises(InvalidInput, match="no version below the current one"):
        roll_back(tmp_path, None)
    with pytest.raises(InvalidInput, match="no version has been published"):
        version(tmp_path / "empty", None)
    assert current_version(tmp_path) == 1


def test_a_difference_names_rows_added_removed_and_changed(tmp_path: Path) -> None:
    other = TRIP | {"trip_started_at_ms": 5}
    published(tmp_path, TRIP, other)
    published(tmp_path, TRIP | {"distance_m": 11}, TRIP | {"trip_started_at_ms": 9})
    [trips] = [found for found in view_differences(tmp_path, 1, 2) if found.view == "trips"]
    assert (trips.rows_before, trips.rows_after, trips.added, trips.removed, trips.changed) == (2, 2, 1, 1, 1)
    assert trips.examples[0] == "added 1HGCM82633A004352 9"
    assert all(found.is_equal for found in view_differences(tmp_path, 2, 2))


def test_manifests_differ_by_field() -> None:
    found = manifest_differences(a_manifest(1), a_manifest(2, covered_offsets={"0": 4}, rules_hash="other"))
    assert found.keys() == {"version", "covered_offsets", "rules_hash"}
    assert found["rules_hash"] == ("r", "other")


def test_a_full_disk_publishes_nothing_and_the_old_version_stays(tmp_path: Path) -> None:
    published(tmp_path)
    unfinished = begin(tmp_path, 2)
    (unfinished / "manifest.json").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left"):
        publish(tmp_path, unfinished, a_manifest(2))
    assert (current_version(tmp_path), numbers(tmp_path)) == (1, [1])


def command(*flags: str) -> tuple[int, str]:
    console = Console(width=200, record=True, quiet=False, file=open(os.devnull, "w"))  # noqa: PTH123, SIM115
    asked = get_subcommand(ColdPath(_cli_parse_args=["views", *flags]))
    assert isinstance(asked, ViewsCommand)
    code = views_command(asked, console)
    return code, console.export_text()


def test_the_commands_tell_tables(tmp_path: Path) -> None:
    views = ["--views", str(tmp_path)]
    published(tmp_path)
    published(tmp_path, TRIP | {"distance_m": 12})
    assert command("list", *views)[1].count("1970-01-01") == 4
    assert "01234567" in command("list", *views)[1]
    assert command("diff", "1", "2", *views)[0] == 1
    assert "changed 1HGCM82633A004352" in command("diff", "1", "2", *views)[1]
    assert command("diff", "2", "2", *views)[0] == 0
    assert "version 1, current" in command("rollback", *views)[1]
    assert "pinned" in command("pin", "2", *views)[1]
    assert (version_folder(tmp_path, 2) / ".pinned").exists()


def test_the_commands_tell_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    published(tmp_path)
    command("show", "--json", "--views", str(tmp_path))
    [told] = json.loads(capsys.readouterr().out)
    assert (told["version"], told["current"], told["pinned"]) == (1, True, False)
