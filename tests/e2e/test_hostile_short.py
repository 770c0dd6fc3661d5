from __future__ import annotations

from pathlib import Path

import pytest
from hostile.attacks import SHORT
from hostile.table import console, table
from hostile.trial import Pace, run

from stack.preparation import prepare

SEED = 1
PACE = Pace(calm_s=8, shortest_s=4, budget_s=600, busy_ms=30_000)


@pytest.mark.timeout(900)
async def test_the_worst_of_each_kind_of_attack_harms_no_other_car(tmp_path: Path) -> None:
    outcome = await run(SHORT, folder=tmp_path, prepared=prepare(print), pace=PACE, seed=SEED, tell=lambda _: None)
    console().print(table(outcome, seed=SEED))
    assert outcome.complaints() == []
