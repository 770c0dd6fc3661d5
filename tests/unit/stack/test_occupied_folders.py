from __future__ import annotations

from pathlib import Path

import pytest

from contracts.errors import InvalidInput
from stack.__main__ import _broker
from stack.occupied import sole_broker
from stack.run_folder import RunFolder
from stack.settings import BrokerSettings


def test_a_second_broker_in_a_folder_is_refused_before_any_file_changes(tmp_path: Path) -> None:
    properties = tmp_path / "server.properties"
    properties.write_text("of the first")
    with sole_broker(tmp_path), pytest.raises(InvalidInput, match=f"{tmp_path} is in use .* --data"):
        _broker(BrokerSettings(data=tmp_path))
    assert properties.read_text() == "of the first"


def test_a_broker_is_kept_out_of_a_running_demos_folder_and_a_demo_out_of_a_brokers(tmp_path: Path) -> None:
    demo = RunFolder(tmp_path)
    with demo.held():
        demo.clear()
        with pytest.raises(InvalidInput, match="in use"), sole_broker(demo.kafka):
            pass
    with sole_broker(demo.kafka), pytest.raises(InvalidInput, match="in use"), demo.held():
        pass


def test_a_folder_is_free_again_afterwards(tmp_path: Path) -> None:
    for _ in range(2):
        with RunFolder(tmp_path).held():
            pass


def test_a_folder_that_cannot_be_written_is_named_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    inside = tmp_path / "file" / "data"
    with pytest.raises(InvalidInput, match=f"{inside} cannot be written .* --data"), RunFolder(inside).held():
        pass
    with pytest.raises(InvalidInput, match=f"{inside} cannot be written .* --data"):
        _broker(BrokerSettings(data=inside))
