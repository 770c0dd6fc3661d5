from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

import stack
from observability.duration import seconds
from stack import plan
from stack.child import delay_before_restart_s, ended_how
from stack.jars import JAR_SETS, are_here, jar_folder, listed_checksums, wrong_files
from stack.plan import Ports
from stack.ports import answers, free_port, free_ports
from stack.run_folder import RunFolder
from stack.settings import DemoSettings
from stack.voice import readable

PORTS = Ports(kafka=1, controller=2, api=3, hot_path=4, cold_path=5, projector=6, simulator=7, control=8)


def test_every_program_is_given_the_brokers_address_and_only_its_own_port() -> None:
    settings, folder = DemoSettings(), RunFolder(Path("/data"))
    programs = [
        plan.history(settings, folder, PORTS),
        plan.simulator(settings, folder, PORTS),
        plan.hot_path(PORTS),
        plan.cold_path(settings, folder, PORTS),
        plan.projector(folder, PORTS),
        plan.api(folder, PORTS),
        plan.verify(folder, PORTS),
    ]
    assert all("127.0.0.1:1" in program.command for program in programs)
    assert [program.ready for program in programs] == [
        None,
        "http://127.0.0.1:7/health/ready",
        "http://127.0.0.1:4/health/ready",
        "http://127.0.0.1:5/health/ready",
        "http://127.0.0.1:6/health/ready",
        "http://127.0.0.1:3/health/ready",
        None,
    ]


def test_the_programs_that_share_a_folder_are_given_the_same_one() -> None:
    folder = RunFolder(Path("/data"))
    commands = [plan.projector(folder, PORTS).command, plan.api(folder, PORTS).command]
    assert all("sqlite:////data/store/serving.db" in command and "/data/views" in command for command in commands)


def test_the_span_is_given_as_for() -> None:
    assert DemoSettings.model_validate({"for": "90s"}).span == 90


@pytest.mark.parametrize("given", ["0s", "-1s", "soon", "1d"])
def test_a_span_that_is_none_is_refused(given: str) -> None:
    with pytest.raises(ValidationError):
        DemoSettings.model_validate({"for": given})


@pytest.mark.parametrize(("given", "expected"), [("90s", 90), ("1.5m", 90), ("250ms", 0.25), ("2h", 7200), ("7", 7)])
def test_durations_are_read_as_people_write_them(given: str, expected: float) -> None:
    assert seconds(given) == expected


def test_restarts_wait_longer_and_longer_up_to_ten_seconds() -> None:
    assert [delay_before_restart_s(n) for n in range(1, 8)] == [0.5, 1, 2, 4, 8, 10, 10]


def test_how_a_program_ended_is_said_in_words() -> None:
    assert ended_how(-9) == "was ended by SIGKILL"
    assert ended_how(3) == "ended with exit code 3"


def test_free_ports_are_different_and_free() -> None:
    found = free_ports(None, None, None)
    assert len(set(found)) == 3
    assert not any(answers(port) for port in found)


def test_a_usual_port_that_is_taken_is_replaced() -> None:
    import socket  # noqa: PLC0415

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert free_port(port) != port
    assert free_port(port) == port


def test_no_port_takes_the_usual_one_of_another() -> None:
    usual = free_port()
    assert all(free_ports(None, None, usual)[2] == usual for _ in range(20))


def test_every_listed_jar_has_a_checksum() -> None:
    for jar_set in JAR_SETS:
        listed = listed_checksums((Path(plan.__file__).parent / f"{jar_set}.sha256").read_text())
        assert listed
        assert all(name.endswith(".jar") and len(digest) == 64 for name, digest in listed.items())


def test_a_file_that_is_not_what_its_checksum_says_is_named(tmp_path: Path) -> None:
    (tmp_path / "good.jar").write_bytes(b"")
    (tmp_path / "bad.jar").write_bytes(b"altered")
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    wanted = {"good.jar": empty, "bad.jar": empty, "missing.jar": empty}
    assert wrong_files(tmp_path, wanted) == ["bad.jar", "missing.jar"]


def test_a_run_folder_is_cleared_of_what_a_run_made_and_of_nothing_else(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    for made in (folder.kafka, folder.lake, folder.views, folder.store, folder.logs):
        made.mkdir()
    (folder.kafka / "log").mkdir()
    folder.truth.write_text("{}")
    (tmp_path / "mine.txt").write_text("keep")
    folder.clear()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["kafka", "mine.txt"]
    assert not any(folder.kafka.iterdir())


def test_a_json_log_line_is_shown_as_phrase_and_fields() -> None:
    assert readable('{"time": "x", "level": "WARNING", "logger": "l", "message": "slow", "lag": 3}') == (
        "WARNING",
        "slow lag=3",
    )


@pytest.mark.parametrize("line", ["plain text", "{broken", "[1]", '{"no": "message"}', ""])
def test_any_other_line_is_shown_as_it_is(line: str) -> None:
    assert readable(line) == ("", line)


def test_a_download_is_announced_only_when_jars_are_missing(tmp_path: Path) -> None:
    assert not are_here("kafka", tmp_path)
    folder = jar_folder("kafka", tmp_path)
    folder.mkdir()
    for name in listed_checksums((Path(stack.__file__).parent / "kafka.sha256").read_text()):
        (folder / name).touch()
    assert are_here("kafka", tmp_path)
