"""The commands `api keys add`, `list`, `revoke`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from api.security.audit import AuditLog
from api.security.keys import added, changing_keys, read_keys, revoked, write_keys
from observability.plain_text import print_line
from observability.terminal import Console, Table

if TYPE_CHECKING:
    from collections.abc import Callable

    from api.settings import AddKey, ListKeys, RevokeKey

_WHO = "command line"


def add_key(asked: AddKey, clock: Callable[[], int]) -> None:
    """Make a key and show it, this once. Raises InvalidInput for a name in use."""
    with changing_keys(asked.keys):
        known = read_keys(asked.keys)
        key, keys = added(known, asked.name, asked.role, sees_positions=asked.positions, at_ms=clock())
        AuditLog(asked.audit, clock).note(_WHO, "keys add", name=asked.name, role=asked.role)
        write_keys(asked.keys, keys)
    print_line(key)  # alone on its line, so that a script can take it
    Console(stderr=True).print("Keep it now: only its hash is kept here.", style="dim")


def revoke_key(asked: RevokeKey, clock: Callable[[], int]) -> None:
    """End a key; a running API refuses it from now on. Raises InvalidInput without one."""
    with changing_keys(asked.keys):
        keys = revoked(read_keys(asked.keys), asked.name, at_ms=clock())
        AuditLog(asked.audit, clock).note(_WHO, "keys revoke", name=asked.name)
        write_keys(asked.keys, keys)


def list_keys(asked: ListKeys) -> None:
    """Show all keys ever made, without the keys themselves."""
    table = Table("name", "role", "positions", "made", "revoked")
    for key in read_keys(asked.keys):
        told = _told(key.revoked_at_ms) if key.revoked_at_ms else "-"
        table.add_row(key.name, key.role, "yes" if key.sees_positions else "no", _told(key.created_at_ms), told)
    Console().print(table)


def _told(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"
