"""The API as a process of its own, on a free port."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import httpx
from eventually import eventually
from sqlalchemy import Engine

from stack.ports import free_port


class ApiProcess(NamedTuple):
    """Where it listens, and what it runs in."""

    port: int
    process: subprocess.Popen[bytes]

    def deaf_client(self, path: str, headers: Mapping[str, str] = MappingProxyType({})) -> socket.socket:
        """Ask, and read nothing: the less the system buffers for it, the more the API must."""
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # before the window is told
        client.connect(("127.0.0.1", self.port))
        told = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{told}\r\n".encode())
        return client


@contextmanager
def api_process(store: Engine, folder: Path, *flags: str) -> Iterator[ApiProcess]:
    """Serve a store until the block ends; what the API writes lies in the folder."""
    port = free_port()
    command = [sys.executable, "-m", "api", "serve", "--store", str(store.url), "--port", str(port), *flags]
    process = subprocess.Popen(command, cwd=folder)
    try:
        eventually(lambda: _is_ready(port), within_s=60)
        yield ApiProcess(port, process)
    finally:
        process.terminate()
        process.wait(20)


def _is_ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health/ready").status_code == 200
    except httpx.TransportError as error:
        raise OSError(port) from error
