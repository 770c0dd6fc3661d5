"""Free TCP ports on loopback: the usual one when nobody has it, else any that the kernel does not hand out itself."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Final

LOOPBACK: Final = "127.0.0.1"
_CHOICE: Final = range(20_000, 32_000)
"""Below the ports that systems give to outgoing connections, which might take a free one before a program does."""
_TRIES: Final = 200


def free_port(usual: int | None = None) -> int:
    """Give `usual` when it is free, else any free port. Nothing holds it: take it soon."""
    return free_ports(usual)[0]


def free_ports(*usual: int | None) -> list[int]:
    """Give one free port each, all different; none takes the usual port of another."""
    with ExitStack() as held:
        found = {place: _bound(iter((port,)), held) for place, port in enumerate(usual) if port is not None}
        return [found.get(place) or _required(_bound(_any_ports(), held)) for place in range(len(usual))]


def _any_ports() -> Iterator[int]:
    return (_CHOICE[secrets.randbelow(len(_CHOICE))] for _ in range(_TRIES))


def _bound(candidates: Iterator[int], held: ExitStack) -> int | None:
    for port in candidates:
        listener = held.enter_context(socket.socket())
        # As servers do it: a port in TIME_WAIT is free, one that is listened on is not.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((LOOPBACK, port))
        except OSError:
            continue
        return port
    return None


def _required(port: int | None) -> int:
    if port is None:
        raise OSError(f"no free port on loopback among {_TRIES} tried")
    return port


def answers(port: int) -> bool:
    """Tell whether something accepts connections there."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=1):
            return True
    except OSError:
        return False
