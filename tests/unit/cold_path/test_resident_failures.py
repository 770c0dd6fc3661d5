from __future__ import annotations

import pytest

from cold_path.operation.resident import named
from contracts.errors import MalformedRecord, Unavailable

READ = (
    "[FAILED_READ_FILE.NO_HINT] Encountered error while reading file file:///x/lake/day=2026-11-21/part-0.parquet. SQLS"
)


def test_a_full_disk_is_said_with_the_remedy() -> None:
    found = named(OSError(28, "No space left on device"))
    assert isinstance(found, Unavailable)
    assert "what was published stays in service" in str(found)


def test_a_corrupt_file_is_named() -> None:
    found = named(OSError(READ))
    assert isinstance(found, MalformedRecord)
    assert str(found).startswith("///x/lake/day=2026-11-21/part-0.parquet cannot be read") or "part-0.parquet" in str(
        found
    )


@pytest.mark.parametrize("other", [OSError("something else"), OSError(13, "Permission denied")])
def test_what_nobody_foresaw_stays_what_it_is(other: OSError) -> None:
    assert named(other) is other
