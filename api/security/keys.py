"""API keys: made of 256 random bits, kept as their SHA-256 only, in one file that the running API follows.

A key cannot be guessed or found from its hash by trying, as passwords can, so a slow hash would only slow the API.
"""

from __future__ import annotations

import hashlib
import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec

from api.role import Role
from contracts.codec import decode
from contracts.errors import InvalidInput, MalformedRecord
from contracts.files import locked, replacing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


class ApiKey(msgspec.Struct, frozen=True, omit_defaults=True):
    """One key, without the key itself. Times are epoch milliseconds."""

    name: str
    role: Role
    sha256: str
    created_at_ms: int
    sees_positions: bool = False
    revoked_at_ms: int | None = None


class _File(msgspec.Struct):
    keys: list[ApiKey]


def digest(key: str) -> str:
    """Give what is kept of a key."""
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()


def read_keys(file: Path) -> list[ApiKey]:
    """Give all keys, also revoked ones; none without the file. Raises InvalidInput for a file that is none of ours."""
    try:
        return decode(file.read_bytes(), _File).keys
    except FileNotFoundError:
        return []
    except (MalformedRecord, OSError) as error:
        raise InvalidInput(f"--keys {file} cannot be read: {error}; restore it, or make keys anew") from error


def added(
    keys: Sequence[ApiKey], name: str, role: Role, *, sees_positions: bool, at_ms: int
) -> tuple[str, list[ApiKey]]:
    """Give a new key, which is shown this once, and the list with it. Raises InvalidInput for a name in use."""
    if any(key.name == name and key.revoked_at_ms is None for key in keys):
        raise InvalidInput(f"there is a key {name!r} already; revoke it first, or take another name")
    key = "cc_" + secrets.token_urlsafe(32)
    made = ApiKey(name, role, digest(key), at_ms, sees_positions or role != "viewer")
    return key, [*keys, made]


def revoked(keys: Sequence[ApiKey], name: str, *, at_ms: int) -> list[ApiKey]:
    """Give the list with a key revoked. Raises InvalidInput when there is none of that name in force."""
    if not any(key.name == name and key.revoked_at_ms is None for key in keys):
        raise InvalidInput(f"there is no key {name!r} in force; `api keys list` shows them")
    return [
        msgspec.structs.replace(key, revoked_at_ms=at_ms) if key.name == name and key.revoked_at_ms is None else key
        for key in keys
    ]


def write_keys(file: Path, keys: Sequence[ApiKey]) -> None:
    """Write the file as a whole, readable by its owner only; who has read it before holds `changing_keys`."""
    with replacing(file, mode=0o600) as out:
        out.write(msgspec.json.format(msgspec.json.encode(_File(list(keys))), indent=2) + b"\n")


@contextmanager
def changing_keys(file: Path) -> Iterator[None]:
    """Be the only one who reads and writes the file. Raises InvalidInput when it cannot be written."""
    try:
        with locked(file):
            yield
    except OSError as error:
        raise InvalidInput(
            f"--keys {file} cannot be written ({error.strerror}); see who may write its folder, or free some space"
        ) from error


class KeyRing:
    """The keys in force, read again when the file changes, so that a revoked key ends at once."""

    def __init__(self, file: Path) -> None:
        """Read the file. Raises InvalidInput."""
        self._file = file
        self._seen: tuple[int, int] | None = None
        self._by_digest: dict[str, ApiKey] = {}
        self.is_locked = False
        """Whether a key is needed: from the first key on, also when all are revoked."""
        self.changes = 0
        """How often other keys came into force."""
        self.refresh()

    def holder(self, key: str) -> ApiKey | None:
        """Give whose key this is, None for one that is unknown or revoked."""
        return self._by_digest.get(digest(key))

    def as_it_stands(self, key: ApiKey) -> ApiKey | None:
        """Return a key with the rights that it has now, None if it is not in force any more."""
        return self._by_digest.get(key.sha256)

    def refresh(self) -> None:
        """Follow the file. Raises InvalidInput when it cannot be read: then nobody gets in."""
        try:
            status = self._file.stat()
        except FileNotFoundError:
            self._take([])  # keys that are gone open nothing; and what was locked stays locked
            self._seen = None
            return
        except OSError as error:
            raise InvalidInput(f"--keys {self._file} cannot be read: {error.strerror}; see who may read it") from error
        if (seen := (status.st_mtime_ns, status.st_ino)) == self._seen:
            return
        self._take(read_keys(self._file))
        self._seen = seen

    def _take(self, keys: Sequence[ApiKey]) -> None:
        by_digest = {key.sha256: key for key in keys if key.revoked_at_ms is None}
        self.is_locked = self.is_locked or bool(keys)
        if by_digest != self._by_digest:
            self._by_digest = by_digest
            self.changes += 1
