"""A program of the application as the runner sees it: its name, how it is started, and how it tells it is ready."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Program:
    """`ready` is the address that answers 200 once it serves, None when it tells nothing. `once`: it ends by itself."""

    name: str
    command: tuple[str, ...]
    ready: str | None = None
    once: bool = False
    grace_s: float = 15.0
