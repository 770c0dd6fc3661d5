"""The machine's environment variables and where the project keeps what clones share; read here and nowhere else."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path


def machine_environment() -> dict[str, str]:
    """Give a copy of the environment variables."""
    return dict(os.environ)  # noqa: TID251 - the one place


def now_ms() -> int:
    """Give the time by this machine's clock, epoch milliseconds; the local broker's clock is the same."""
    return time.time_ns() // 1_000_000


def cache_folder(environment: Mapping[str, str]) -> Path:
    """Give the folder that clones of the project share: downloaded jars, and the java shim."""
    home = environment.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "connected-cars"
