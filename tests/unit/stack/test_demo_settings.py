from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from contracts.errors import InvalidInput
from stack.demo import run_demo
from stack.settings import DemoSettings


def test_a_history_limit_that_cannot_hold_the_history_is_refused_before_anything_starts(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with pytest.raises(InvalidInput, match=r"--history-limit 2000 .* --history-vehicles or --history-days"):
        run_demo(DemoSettings(history_limit=2000, data=data))
    assert not data.exists()


@pytest.mark.parametrize(
    ("name", "given"), [("history_limit", 999), ("history_days", 31), ("rate", 51), ("vehicles", 1_000_001)]
)
def test_what_the_simulator_refuses_the_demo_refuses_under_its_own_name(name: str, given: float) -> None:
    with pytest.raises(ValidationError, match=name):
        DemoSettings.model_validate({name: given})
