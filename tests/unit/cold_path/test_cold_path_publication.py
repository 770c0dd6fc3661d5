from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from manifests import a_manifest

from cold_path.versions.publication import begin, next_version, publish, sole_publisher
from contracts.errors import Unavailable
from contracts.views import KEPT_VERSIONS, current_version, read_manifest, version_folder


def published(views: Path) -> int:
    version = next_version(views)
    unfinished = begin(views, version)
    (unfinished / "trips").mkdir()
    (unfinished / "trips" / "part.parquet").write_bytes(b"rows")
    publish(views, unfinished, a_manifest(version))
    return version


def test_a_published_version_is_current_and_whole(tmp_path: Path) -> None:
    version = published(tmp_path)
    assert (version, current_version(tmp_path)) == (1, 1)
    assert read_manifest(tmp_path, 1) == a_manifest(1)
    assert (version_folder(tmp_path, 1) / "trips" / "part.parquet").read_bytes() == b"rows"


def test_before_its_publication_a_version_is_not_to_be_seen(tmp_path: Path) -> None:
    published(tmp_path)
    begin(tmp_path, 2)
    assert current_version(tmp_path) == 1
    assert not version_folder(tmp_path, 2).exists()


def test_what_a_killed_run_left_is_removed_by_the_next(tmp_path: Path) -> None:
    leftover = begin(tmp_path, 1)
    published(tmp_path)
    assert not leftover.exists()
    assert [folder.name for folder in (tmp_path / "versions").iterdir()] == ["000001"]


def test_a_version_that_was_renamed_but_never_pointed_to_is_passed_over(tmp_path: Path) -> None:
    published(tmp_path)
    version_folder(tmp_path, 2).mkdir()
    assert published(tmp_path) == 3


def test_the_last_versions_stay(tmp_path: Path) -> None:
    for _ in range(KEPT_VERSIONS + 2):
        published(tmp_path)
    kept = sorted(int(folder.name) for folder in (tmp_path / "versions").iterdir())
    assert kept == [3, 4, 5, 6, 7]


def test_two_cannot_publish_at_once_and_the_other_is_named(tmp_path: Path) -> None:
    with sole_publisher(tmp_path), pytest.raises(Unavailable, match=r"process \d+ publishes"), sole_publisher(tmp_path):
        pass


def test_the_lock_ends_with_a_killed_process(tmp_path: Path) -> None:
    hold = (
        "import sys, time; from pathlib import Path; from cold_path.versions.publication import sole_publisher\n"
        "with sole_publisher(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", hold, tmp_path], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(Unavailable), sole_publisher(tmp_path):
            pass
        holder.kill()
    with sole_publisher(tmp_path):
        pass
