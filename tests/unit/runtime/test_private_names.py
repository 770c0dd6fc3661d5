from __future__ import annotations

from runtime.kafka.private_names import missing_names


def test_every_private_name_that_bounded_reading_uses_exists() -> None:
    assert missing_names() == []
