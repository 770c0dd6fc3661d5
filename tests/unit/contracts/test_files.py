from __future__ import annotations

import json
import os
from pathlib import Path
from threading import Event, Thread

import pytest
from racing import Racers

from contracts.files import locked, replacing
from contracts.views import current_version, point_to

PREPARATION = """
import json
from pathlib import Path
from contracts.files import locked, replacing
from contracts.views import point_to
file = Path({file!r})

def count():
    for _ in range(20):
        with locked(file):
            counted = json.loads(file.read_text())
            with replacing(file) as out:
                out.write(json.dumps([counted[0] + 1, "x" * 20_000]).encode())

def point(version):
    for _ in range(20):
        point_to(file.parent, version)
"""


def test_what_two_processes_count_at_once_is_all_counted_and_a_reader_sees_a_whole_file(tmp_path: Path) -> None:
    file = tmp_path / "count.json"
    file.write_text("[0]")
    stop, wrong = Event(), list[str]()

    def read() -> None:
        while not stop.is_set():
            try:
                json.loads(file.read_text())
            except (OSError, ValueError) as error:
                wrong.append(repr(error))

    reader = Thread(target=read)
    with Racers(PREPARATION.format(file=str(file)), ["count()"] * 2) as racers:
        reader.start()
        ended = [racers.round(number) for number in range(10)]
        stop.set()
        reader.join()
    assert ended == [["done", "done"]] * 10
    assert json.loads(file.read_text())[0] == 2 * 10 * 20
    assert wrong == []
    assert {left.name for left in tmp_path.iterdir()} == {"count.json", ".count.json.lock"}


def test_processes_that_point_to_versions_at_once_all_succeed_and_one_is_always_served(tmp_path: Path) -> None:
    point_to(tmp_path, 1)
    with Racers(PREPARATION.format(file=str(tmp_path / "CURRENT")), ["point(1)", "point(2)"]) as racers:
        for number in range(10):
            racers.begin(number)
            assert {current_version(tmp_path) for _ in range(100)} <= {1, 2}
            assert racers.ended() == ["done", "done"]
    assert [left.name for left in tmp_path.iterdir()] == ["CURRENT"]


def test_a_file_that_could_not_be_written_stays_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "file"
    with replacing(file) as out:
        out.write(b"old")
    with pytest.raises(TypeError), replacing(file) as out:
        out.writelines([b"new", "half"])  # type: ignore[list-item]
    assert file.read_bytes() == b"old"
    assert list(file.parent.iterdir()) == [file]


def test_permissions_are_kept_or_those_that_are_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "file"
    umask = os.umask(0o027)
    try:
        for mode, expected in ((None, 0o640), (0o755, 0o755), (None, 0o755), (0o600, 0o600)):
            with replacing(file, mode=mode):
                assert all(left.stat().st_mode & 0o777 == expected for left in tmp_path.glob(".file.*"))
            assert file.stat().st_mode & 0o777 == expected
    finally:
        os.umask(umask)


def test_a_lock_is_free_again_after_an_error(tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(ValueError, match="x"), locked(tmp_path / "file"):
            raise ValueError("x")
