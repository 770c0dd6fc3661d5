"""The ranking that the API answers, against one computed from the raw records' trips by a few lines of its own."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from contracts.definitions import SHORTEST_RANKED_DISTANCE_M, is_ranked_trip
from contracts.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cold_path.verification.snapshot import Snapshot
    from cold_path.verification.totals import Trips

_PATH: Final = "/v1/rankings/fuel-efficiency"
_TIMEOUT_S: Final = 30
_BETWEEN_LOOKS_S: Final = 0.05


class Place(NamedTuple):
    """A vehicle's place, and the sums that put it there."""

    rank: int
    vehicle_id: str
    trips: int
    distance_m: int
    fuel_ml: int


@dataclass(frozen=True, slots=True)
class Answer:
    """All places of the merged ranking, best first, over trips that began at `from_ms` or later."""

    from_ms: int
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class RankingComparison:
    """What comparing found."""

    compared: int
    """Places on either side."""
    differences: tuple[tuple[Place | None, Place | None], ...]
    """Answered and recomputed, by rank, where they are not the same."""

    @property
    def is_equal(self) -> bool:
        """Tell whether both rank alike, with the same sums."""
        return not self.differences


def ranking_of(trips: Trips, from_ms: int) -> tuple[Place, ...]:
    """Rank vehicles by fuel over distance, as the design defines it, then by VIN."""
    sums: dict[str, tuple[int, int, int]] = {}
    for (vehicle_id, started_at_ms), totals in trips.items():
        distance_m, fuel_ml = totals.distance_m or 0, totals.fuel_ml
        if started_at_ms >= from_ms and fuel_ml is not None and is_ranked_trip(distance_m, fuel_ml):
            count, metres, millilitres = sums.get(vehicle_id, (0, 0, 0))
            sums[vehicle_id] = (count + 1, metres + distance_m, millilitres + fuel_ml)
    far = {vehicle_id: sum_ for vehicle_id, sum_ in sums.items() if sum_[1] >= SHORTEST_RANKED_DISTANCE_M}
    best_first = sorted(far, key=lambda vehicle_id: (far[vehicle_id][2] / far[vehicle_id][1], vehicle_id))
    return tuple(Place(rank, vehicle_id, *far[vehicle_id]) for rank, vehicle_id in enumerate(best_first, start=1))


def ranking_compared(answer: Answer, trips: Trips) -> RankingComparison:
    """Compare place by place."""
    expected = ranking_of(trips, answer.from_ms)
    count = max(len(expected), len(answer.places))
    pairs = [(_at(answer.places, rank), _at(expected, rank)) for rank in range(count)]
    return RankingComparison(count, tuple(pair for pair in pairs if pair[0] != pair[1]))


def _at(places: tuple[Place, ...], rank: int) -> Place | None:
    return places[rank] if rank < len(places) else None


def answered(
    api: str, key: str | None, read: Callable[[], Snapshot], *, wait_s: float
) -> tuple[Snapshot, Answer | None]:
    """Read the store and ask the API so that both speak of one moment: the store stood still meanwhile.

    The answer is None where it did not for `wait_s`. Raises Unavailable when the API does not answer.
    """
    until = time.monotonic() + wait_s
    before = read()
    while time.monotonic() < until:
        answer = _asked(api, key)
        after = read()
        if (before.marks, before.manifest) == (after.marks, after.manifest):
            return after, answer
        before = after
        time.sleep(_BETWEEN_LOOKS_S)
    return before, None


def _asked(api: str, key: str | None) -> Answer:
    head = json.loads(_fetched(f"{api}{_PATH}?limit=1", key, "application/json"))
    first_day = datetime.fromisoformat(head["period"]).replace(tzinfo=UTC)
    lines = _fetched(f"{api}{_PATH}", key, "application/x-ndjson").splitlines()
    return Answer(round(first_day.timestamp() * 1000), tuple(_place(json.loads(line)) for line in lines))


def _place(row: Mapping[str, Any]) -> Place:
    return Place(row["rank"], row["key"], row["trips"], row["distance_m"], row["fuel_ml"])


def _fetched(address: str, key: str | None, media: str) -> bytes:
    headers = {"Accept": media} | ({} if key is None else {"Authorization": f"Bearer {key}"})
    if not address.startswith(("http://", "https://")):
        raise Unavailable(f"--api {address}: write http://HOST:PORT")
    try:
        with urlopen(Request(address, headers=headers), timeout=_TIMEOUT_S) as response:  # noqa: S310 - looked at above
            found: bytes = response.read()
    except HTTPError as error:
        raise Unavailable(f"the API at {address} answers {error.code}; is --api right, and --api-key?") from error
    except (URLError, OSError) as error:
        raise Unavailable(f"the API at {address} does not answer ({error}); is it running, and --api right?") from error
    return found
