from __future__ import annotations

import pytest
from pydantic import ValidationError
from pydantic_settings import CliApp, get_subcommand

from cold_path.settings import ColdPath, Run, Verify
from observability.duration import seconds


def settings_of(*arguments: str) -> object:
    return get_subcommand(CliApp.run(ColdPath, cli_args=list(arguments)))


@pytest.mark.parametrize(
    ("text", "expected"), [("30s", 30.0), ("5m", 300.0), ("1h", 3600.0), ("250ms", 0.25), ("7", 7.0)]
)
def test_durations_have_units(text: str, expected: float) -> None:
    assert seconds(text) == expected


def test_a_duration_that_is_none_is_refused_with_its_name() -> None:
    with pytest.raises(ValidationError, match="every"):
        settings_of("run", "--every", "soon")


def test_every_setting_has_a_default_that_works_locally() -> None:
    run = settings_of("run")
    assert isinstance(run, Run)
    assert (run.once, run.every, run.bootstrap) == (False, 30.0, "127.0.0.1:9092")


def test_the_environment_sets_and_the_command_line_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLD_PATH_DRIVER_MEMORY", "3g")
    monkeypatch.setenv("COLD_PATH_EVERY", "5m")
    run = settings_of("run", "--every", "10s")
    assert isinstance(run, Run)
    assert (run.driver_memory, run.every) == ("3g", 10.0)


def test_verify_can_answer_in_json() -> None:
    verify = settings_of("verify", "--json", "--wait", "0s")
    assert isinstance(verify, Verify)
    assert (verify.as_json, verify.wait) == (True, 0.0)
