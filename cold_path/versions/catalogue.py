"""The published versions in a folder: which there are, which is served, which are pinned; and going back to one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cold_path.versions.publication import published_numbers
from contracts.errors import InvalidInput, MalformedRecord
from contracts.files import locked
from contracts.views import CURRENT_FILE, PIN_FILE, current_version, point_to, read_manifest, version_folder

if TYPE_CHECKING:
    from pathlib import Path

    from contracts.views import Manifest

_REMEDY: Final = "`cold-path views list` shows which there are"


@dataclass(frozen=True, slots=True)
class Version:
    """A version whose folder is whole."""

    manifest: Manifest
    is_current: bool
    is_pinned: bool
    size_bytes: int

    @property
    def number(self) -> int:
        """Its number."""
        return self.manifest.version


def versions(views: Path) -> list[Version]:
    """Give all versions, newest first; what is being written or collected is left out."""
    current = _pointed_to(views)
    found = []
    for number in sorted(published_numbers(views), reverse=True):
        try:
            manifest = read_manifest(views, number)
        except MalformedRecord:
            continue
        folder = version_folder(views, number)
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        found.append(Version(manifest, number == current, (folder / PIN_FILE).exists(), size))
    return found


def version(views: Path, number: int | None) -> Version:
    """Give one version, the current one for None. Raises InvalidInput when there is no such version."""
    wanted = _pointed_to(views) if number is None else number
    for known in versions(views):
        if known.number == wanted:
            return known
    named = "no version has been published" if wanted is None else f"version {wanted} is not there"
    raise InvalidInput(f"{views}: {named}; {_REMEDY}")


def pin(views: Path, number: int) -> None:
    """Keep a version from being collected. Raises InvalidInput when there is no such version."""
    (version_folder(views, version(views, number).number) / PIN_FILE).touch()


def unpin(views: Path, number: int) -> None:
    """Let a version be collected again, once it is among the oldest."""
    (version_folder(views, version(views, number).number) / PIN_FILE).unlink(missing_ok=True)


def roll_back(views: Path, number: int | None) -> int:
    """Serve another version: the one given, else the newest below the current. Raises InvalidInput without it.

    The next version is published when there are readings that no version covers yet.
    """
    _rolled_back_to(views, number)
    with locked(views / CURRENT_FILE):
        wanted = _rolled_back_to(views, number)  # again, as it may have been collected
        point_to(views, wanted)
    return wanted


def _rolled_back_to(views: Path, number: int | None) -> int:
    if number is not None:
        return version(views, number).number
    current = _pointed_to(views)
    older = [known.number for known in versions(views) if current is not None and known.number < current]
    if not older:
        raise InvalidInput(f"{views}: there is no version below the current one; {_REMEDY}")
    return older[0]


def _pointed_to(views: Path) -> int | None:
    """Give the current version; none where the pointer is broken, since going back is what mends it."""
    try:
        return current_version(views)
    except MalformedRecord:
        return None
