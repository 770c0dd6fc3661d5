"""Free TCP ports on loopback: the usual one when nobody has it, else any."""

from __future__ import annotations

import socket
from contextlib import ExitStack

LOOPBACK = "127.0.0.1"


def free_port(usual: int | None = None) -> int:
    """Give `usual` when it is free, else any free port. Nothing holds it: take it soon."""
    return free_ports(usual)[0]


def free_ports(*usual: int | None) -> list[int]:
    """Give one free port each, all different."""
    with ExitStack() as held:
        return [_bound(port, held) for port in usual]


def _bound(usual: int | None, held: ExitStack) -> int:
    for port in (usual, 0) if usual else (0,):
        listener = held.enter_context(socket.socket())
        # As servers do it: a port in TIME_WAIT is free, one that is listened on is not.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((LOOPBACK, port))
        except OSError:
            continue
        return int(listener.getsockname()[1])
    raise OSError("no free port on loopback")


def answers(port: int) -> bool:
    """Tell whether something accepts connections there."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=1):
            return True
    except OSError:
        return False
