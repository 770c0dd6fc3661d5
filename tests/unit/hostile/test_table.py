from __future__ import annotations

import io

from hostile.attack import Attack, Target
from hostile.judgement import Latencies, Observed
from hostile.table import line, table
from hostile.trial import Outcome, Result

from observability.terminal import Console


async def nothing(_: Target) -> None:
    return None


SEEN = Observed(
    Latencies([5, 9], [300], []), calm_mb={"api": 100}, peak_mb={"api": 390, "kafka": 700}, restarts={"api": 0}
)


def test_the_table_shows_each_attack_beside_the_calm_and_what_came_nearest_to_its_memory() -> None:
    results = [Result(None, SEEN, [], 25.0), Result(Attack("bombs", "topics", nothing), SEEN, ["stands: a"], 8.4)]
    out = io.StringIO()
    Console(width=150, file=out).print(table(Outcome(results), seed=7))
    rows = [[cell.strip() for cell in row.split("│")[1:-1]] for row in out.getvalue().splitlines() if "│" in row]
    assert rows == [
        ["(calm)", "-", "2", "9", "300", "-", "0", "0", "api 390 of 400", "held"],
        ["bombs", "topics", "2", "9", "300", "-", "0", "0", "api 390 of 400", "harm"],
    ]


def test_a_harm_is_told_with_its_faults() -> None:
    result = Result(Attack("bombs", "topics", nothing), SEEN, ["stands: a", "api restarted 1 times"], 8.4)
    assert line(result).plain == "bombs (8 s): harm; stands: a; api restarted 1 times"
    assert Outcome([result], ["more"]).complaints() == [
        "bombs: stands: a; api restarted 1 times",
        "no time was left for: more",
    ]
