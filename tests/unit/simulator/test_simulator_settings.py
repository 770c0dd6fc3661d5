from __future__ import annotations

import pytest
from pydantic import ValidationError

from simulator.settings import HistorySettings, ReplaySettings, RunSettings


def test_every_setting_has_a_default_and_a_description() -> None:
    RunSettings()
    HistorySettings()
    for settings in (RunSettings, HistorySettings, ReplaySettings):
        assert [name for name, field in settings.model_fields.items() if not field.description] == []


def test_variables_carry_the_prefix_also_for_flags_that_are_python_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMULATOR_FOR", "2m")
    monkeypatch.setenv("SIMULATOR_VEHICLES", "7")
    monkeypatch.setenv("JSON", "true")
    settings = RunSettings()
    assert (settings.for_, settings.vehicles, settings.json_) == (120, 7, False)


@pytest.mark.parametrize(
    "wrong", [{"vehicles": 0}, {"rate": 0}, {"for": "soon"}, {"start": "2026-01-01T00:00:00"}, {"wheels": 4}]
)
def test_a_wrong_value_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        RunSettings.model_validate(wrong)
