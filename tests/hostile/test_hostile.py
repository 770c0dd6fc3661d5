from __future__ import annotations

import secrets
from dataclasses import replace
from pathlib import Path

import pytest
from hostile.attacks import ATTACKS, IN_ROUNDS
from hostile.table import console, line, table
from hostile.trial import Pace, run

from stack.preparation import prepare

PACE = Pace(calm_s=25, shortest_s=4, budget_s=840)
EACH_ALONE = replace(PACE, budget_s=2_100)


@pytest.mark.hostile
@pytest.mark.timeout(2_400)
async def test_no_attack_harms_other_cars(
    tmp_path: Path, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted, given = request.config.getoption("--attack"), request.config.getoption("--hostile-seed")
    seed = secrets.randbelow(1_000_000) if given is None else given
    named = [attack for attack in ATTACKS if wanted is not None and wanted in f"{attack.surface}: {attack.name}"]
    attacks = IN_ROUNDS if wanted is None else named
    assert attacks, f"no attack is called {wanted!r}"
    with capsys.disabled():
        shown = console()
        shown.print(f"\n{len(ATTACKS if wanted is None else named)} attacks, judged {len(attacks)} times, seed {seed}")
        outcome = await run(
            attacks, folder=tmp_path, prepared=prepare(print), pace=PACE if wanted is None else EACH_ALONE, seed=seed,
            tell=lambda one: shown.print(line(one)),
        )  # fmt: skip
        shown.print(table(outcome, seed=seed))
    assert outcome.complaints() == []
