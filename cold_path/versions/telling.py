"""Versions and their differences, for people as tables and for programs as JSON."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from observability.plain_text import json_line
from observability.terminal import Table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cold_path.versions.catalogue import Version
    from cold_path.versions.difference import ViewDifference


def versions_table(versions: Iterable[Version]) -> Table:
    """Give one row a version, newest first."""
    table = Table(
        "version", "", "computed", "as of", "covered offsets", "rows", "MB", "code", "rules", title="versions"
    )
    for version in versions:
        manifest = version.manifest
        marks = " ".join(mark for mark, holds in _marks(version) if holds)
        rows, covered = sum(manifest.row_counts.values()), sum(manifest.covered_offsets.values())
        table.add_row(
            str(version.number),
            marks,
            _time(manifest.computed_at_ms),
            _time(manifest.as_of_ms),
            f"{covered:,}",
            f"{rows:,}",
            f"{version.size_bytes / 1e6:,.1f}",
            manifest.code_version,
            manifest.rules_hash[:8],
        )
    return table


def version_table(version: Version) -> Table:
    """Give all that the manifest says."""
    title = f"version {version.number}" + "".join(f", {mark}" for mark, holds in _marks(version) if holds)
    table = Table("what", "value", title=title)
    for name, value in _facts(version).items():
        if isinstance(value, dict):
            for key, count in value.items():
                table.add_row(f"{name} {key}", f"{count:,}")
        else:
            told = f"{value} ({_time(value)})" if name.endswith("_ms") else str(value)
            table.add_row(name, told)
    return table


def difference_tables(
    manifests: dict[str, tuple[Any, Any]], views: Iterable[ViewDifference], *, before: int, after: int
) -> list[Table]:
    """Give what the versions depend on differently, and how their views differ."""
    facts = Table("manifest", f"version {before}", f"version {after}")
    for name, (left, right) in manifests.items():
        facts.add_row(name, str(left), str(right))
    counts = Table("view", f"rows in {before}", f"rows in {after}", "added", "removed", "changed", "for example")
    for view in views:
        numbers = (view.rows_before, view.rows_after, view.added, view.removed, view.changed)
        counts.add_row(view.view, *(f"{number:,}" for number in numbers), "\n".join(view.examples))
    return [facts, counts]


def as_json(versions: Iterable[Version]) -> str:
    """Give a list of objects."""
    return json_line([_facts(version) for version in versions])


def difference_json(manifests: dict[str, tuple[Any, Any]], views: Iterable[ViewDifference]) -> str:
    """Give one object: manifest field to both values, and a list of views."""
    return json_line({"manifest": manifests, "views": [asdict(view) for view in views]})


def _facts(version: Version) -> dict[str, Any]:
    facts: dict[str, Any] = msgspec.to_builtins(version.manifest)
    return facts | {"current": version.is_current, "pinned": version.is_pinned, "size_bytes": version.size_bytes}


def _marks(version: Version) -> list[tuple[str, bool]]:
    return [("current", version.is_current), ("pinned", version.is_pinned)]


def _time(epoch_ms: int) -> str:
    return datetime.fromtimestamp(epoch_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
