"""Downtown Denver, the network that the project ships (its source and licence stand in README.md beside it)."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from roads.csv_file import load_network
from roads.network import RoadNetwork


def default_folder() -> Path:
    """Give the folder of the network that comes with the project."""
    return Path(__file__).parent


@cache
def default_network() -> RoadNetwork:
    """Give the network that comes with the project: 482 vertices, 1,342 segments; read once a process."""
    return load_network(default_folder())
