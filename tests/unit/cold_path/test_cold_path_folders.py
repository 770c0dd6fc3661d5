from __future__ import annotations

from pathlib import Path

import pytest

from cold_path.folders import made
from cold_path.versions.publication import sole_publisher
from contracts.errors import InvalidInput


def test_a_folder_is_made_with_those_above_it(tmp_path: Path) -> None:
    assert made(tmp_path / "a" / "b", flag="--lake").is_dir()
    assert made(tmp_path / "a" / "b", flag="--lake").is_dir()


def test_a_folder_that_cannot_be_made_is_named_with_its_flag(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    inside = tmp_path / "file" / "lake"
    with pytest.raises(InvalidInput, match=f"{inside} cannot be written .* --lake"):
        made(inside, flag="--lake")
    with pytest.raises(InvalidInput, match=f"{inside} cannot be written .* --views"), sole_publisher(inside):
        pass


def test_a_folder_that_may_only_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)  # as root every folder may be written
    with pytest.raises(InvalidInput, match="read only"):
        made(tmp_path, flag="--lake")
