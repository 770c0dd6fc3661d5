"""The road network that a fleet drives on: the one that comes with the project, a generated city, or a folder's."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from roads.csv_file import load_network
from roads.denver import default_network
from roads.generated_city import generated_city
from roads.network import RoadNetwork

DENVER: Final = "denver"
GENERATED: Final = "generated"


def network(named: str, *, seed: int, segments: int) -> RoadNetwork:
    """Give the network of this name, or of the folder with it. Raises InvalidInput naming file, line and remedy."""
    if named == DENVER:
        return default_network()
    return generated_city(seed=seed, segments=segments) if named == GENERATED else load_network(Path(named))
