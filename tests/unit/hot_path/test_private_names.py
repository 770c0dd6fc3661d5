from __future__ import annotations

from importlib.metadata import version

import pytest

from hot_path.transport import private_names


def test_every_private_name_that_the_transport_uses_exists() -> None:
    assert private_names.missing_names() == []


def test_the_versions_are_those_that_were_tried() -> None:
    assert {package: version(package) for package in private_names.TRIED_VERSIONS} == private_names.TRIED_VERSIONS


def test_a_missing_name_is_told_with_the_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    class Consumer:
        """A consumer of another version."""

    monkeypatch.setattr(private_names, "USED_NAMES", ((Consumer, "_new_offset"),))
    with pytest.raises(private_names.ForeignVersions, match=r"Consumer\._new_offset; found faust-streaming \d"):
        private_names.check_private_names()
