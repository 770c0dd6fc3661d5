"""Whether a process still runs."""

from __future__ import annotations

import psutil


def is_alive(process: psutil.Process) -> bool:
    """Tell whether it runs; one that has ended, and waits for the system to bury it, does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
