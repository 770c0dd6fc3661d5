"""The commands that look at lake and versions, or put them in order: none of them needs Spark."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from pydantic_settings import get_subcommand

from cold_path.lake.erasure import erase_from_lake
from cold_path.lake.status import lake_status
from cold_path.lake.table import Lake
from cold_path.lake.upkeep import keep_up
from cold_path.lake.writer import sole_writer
from cold_path.settings import (
    LakeCommand,
    LakeCompact,
    LakeErase,
    LakeStatusAsked,
    ViewsCommand,
    ViewsDiff,
    ViewsList,
    ViewsPin,
    ViewsRollback,
    ViewsShow,
    ViewsUnpin,
)
from cold_path.versions import catalogue, telling
from cold_path.versions.difference import manifest_differences, view_differences
from cold_path.versions.erasure import erase_from_versions
from cold_path.versions.publication import sole_publisher
from contracts.errors import InvalidInput
from contracts.vehicle import VIN
from observability.plain_text import print_json, print_line

if TYPE_CHECKING:
    from observability.terminal import Console

LakeAsked = LakeStatusAsked | LakeCompact | LakeErase
ViewsAsked = ViewsList | ViewsShow | ViewsDiff | ViewsRollback | ViewsPin | ViewsUnpin


def lake_command(command: LakeCommand, console: Console) -> int:
    """Do one of `cold-path lake`; give the exit code."""
    asked: LakeAsked = get_subcommand(command)  # type: ignore[assignment]
    if isinstance(asked, LakeCompact):
        return _compact(asked, console)
    if isinstance(asked, LakeErase):
        return _erase(asked, console)
    status = lake_status(asked.lake)
    if asked.as_json:
        print_line(status.as_json())
    else:
        console.print(*status.tables())
    return 0


def _erase(asked: LakeErase, console: Console) -> int:
    if not VIN.fullmatch(asked.vin):
        raise InvalidInput(f"{asked.vin!r} is no VIN; write 17 of A-Z and 0-9 without I, O, Q")
    with sole_writer(asked.lake), sole_publisher(asked.views):
        lake = Lake(asked.lake)
        lake.refresh()
        rows = {"lake_rows": erase_from_lake(lake, asked.vin), "view_rows": erase_from_versions(asked.views, asked.vin)}
    if asked.as_json:
        print_json(rows)
    else:
        console.print(f"{rows['lake_rows']} rows of the lake and {rows['view_rows']} of the published versions erased")
    return 0


def _compact(asked: LakeCompact, console: Console) -> int:
    with sole_writer(asked.lake):
        lake = Lake(asked.lake)
        lake.refresh()
        done = keep_up(lake, most_small_files=asked.compact_files, keep_days=asked.keep_days)
    if asked.as_json:
        print_json(asdict(done))
    else:
        joined = f"{done.joined_files} files joined into {done.into_files}"
        console.print(f"{joined}, {done.forgotten_days} days forgotten, {done.removed_files} unneeded files removed")
    return 0


def views_command(command: ViewsCommand, console: Console) -> int:
    """Do one of `cold-path views`; give the exit code."""
    asked: ViewsAsked = get_subcommand(command)  # type: ignore[assignment]
    if isinstance(asked, ViewsDiff):
        return _diff(asked, console)
    if isinstance(asked, ViewsRollback):
        number = catalogue.roll_back(asked.views, asked.version)
    elif isinstance(asked, ViewsPin):
        catalogue.pin(asked.views, number := asked.version)
    elif isinstance(asked, ViewsUnpin):
        catalogue.unpin(asked.views, number := asked.version)
    elif isinstance(asked, ViewsShow):
        number = catalogue.version(asked.views, asked.version).number
    else:
        known = catalogue.versions(asked.views)
        _print(telling.as_json(known) if asked.as_json else None, telling.versions_table(known), console)
        return 0
    version = catalogue.version(asked.views, number)
    _print(telling.as_json([version]) if asked.as_json else None, telling.version_table(version), console)
    return 0


def _diff(asked: ViewsDiff, console: Console) -> int:
    before, after = (catalogue.version(asked.views, number) for number in (asked.before, asked.after))
    manifests = manifest_differences(before.manifest, after.manifest)
    views = view_differences(asked.views, asked.before, asked.after)
    if asked.as_json:
        print_line(telling.difference_json(manifests, views))
    else:
        console.print(*telling.difference_tables(manifests, views, before=asked.before, after=asked.after))
    return 0 if all(view.is_equal for view in views) else 1


def _print(as_json: str | None, table: object, console: Console) -> None:
    if as_json is None:
        console.print(table)
    else:
        print_line(as_json)
