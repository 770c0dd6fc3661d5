"""A real PostgreSQL server for tests: Debian's package, installed when it is absent; each in a folder of its own."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psycopg
from eventually import eventually

from observability.plain_text import print_error
from stack.ports import free_port

_INSTALLED: Final = Path("/usr/lib/postgresql")
_IS_ROOT: Final = os.geteuid() == 0
POSTGRES_USER: Final = "nobody" if _IS_ROOT else pwd.getpwuid(os.geteuid()).pw_name
"""PostgreSQL refuses to run as root."""


class PostgresServer:
    """A running server; every database is a store of its own."""

    def __init__(self, port: int, command: Callable[[], subprocess.Popen[bytes]]) -> None:
        self.port = port
        self._made = 0
        self._command = command

    def start(self) -> None:
        self._process = self._command()
        eventually(self.answers, within_s=30)

    def stop(self) -> None:
        self._process.send_signal(2)  # fast shutdown: it does not wait for its clients
        self._process.wait(30)

    def database(self) -> str:
        """Make an empty database and give its address."""
        self._made += 1
        name = f"store_{self._made}"
        with psycopg.connect(self._address("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{name}"

    def _address(self, database: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def answers(self) -> bool:
        try:
            psycopg.connect(self._address("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError as error:
            raise OSError(str(error)) from error
        return True


@contextmanager
def running_postgres(settings: dict[str, str] | None = None, host_rules: str | None = None) -> Iterator[PostgresServer]:
    """Run a server on a free port of loopback, its data in a folder that is deleted after; `host_rules` is pg_hba."""
    programs = _programs()
    # pytest's own folders are closed to the user that the server runs as.
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    shutil.chown(folder, POSTGRES_USER)
    data = folder / "data"
    made: list[str | Path] = [
        programs / "initdb",
        "-D",
        data,
        "-U",
        "postgres",
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--locale=C",
        "--no-sync",
    ]
    subprocess.run(made, check=True, cwd=folder, stdout=subprocess.DEVNULL, user=POSTGRES_USER if _IS_ROOT else None)
    if host_rules is not None:
        (data / "pg_hba.conf").write_text(host_rules)
    port = free_port()
    given = {"listen_addresses": "127.0.0.1", "port": str(port), "unix_socket_directories": "", "fsync": "off"}
    flags = [f"-c{name}={value}" for name, value in (given | (settings or {})).items()]

    def command() -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [programs / "postgres", "-D", data, *flags],
            cwd=folder,
            user=POSTGRES_USER if _IS_ROOT else None,
            stdout=(folder / "log").open("ab"),
            stderr=subprocess.STDOUT,
        )

    server = PostgresServer(port, command)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path:
    """Give the folder of initdb and postgres, installed from Debian where there is none."""
    if not (found := _newest()):
        print_error("installing Debian's package postgresql: the tests of the store need a server")
        for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", "postgresql"]):
            subprocess.run(command, check=True, env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"})  # noqa: TID251
        found = _newest()
    if not found:
        raise LookupError(f"no PostgreSQL under {_INSTALLED}; install Debian's package postgresql")
    return found


def _newest() -> Path | None:
    """Give the programs of the newest version that is installed."""
    on_path = shutil.which("initdb")
    folders = sorted(_INSTALLED.glob("*/bin/initdb"), key=lambda program: int(program.parts[-3]))
    if folders:
        return folders[-1].parent
    return Path(on_path).resolve().parent if on_path else None
