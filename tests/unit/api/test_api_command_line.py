from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from api.projector.broker import refuse_another_broker
from contracts.errors import InvalidInput


def ran(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "api", *command], capture_output=True, text=True, check=False)


def test_without_a_broker_the_projector_ends_with_3_and_one_line(tmp_path: Path) -> None:
    flags = ["--bootstrap", "127.0.0.1:1", "--wait", "0.5", "--store", f"sqlite:///{tmp_path}/s.db"]
    ended = ran("projector", *flags)
    assert ended.returncode == 3
    assert ended.stderr.splitlines()[-1].startswith("api: no Kafka broker")


FLAGS = [["--host", "0.0.0.0"], ["--store", "nonsense"], ["--bootstrap", "nonsense"], ["--port", "x"]]  # noqa: S104


@pytest.mark.parametrize("flags", FLAGS)
def test_a_flag_that_cannot_be_ends_with_2_and_one_line(flags: list[str]) -> None:
    ended = ran("serve", *flags)
    assert ended.returncode == 2
    assert ended.stderr.splitlines()[-1].startswith(("api: --", "api serve: --"))


def test_a_store_that_knows_more_than_the_broker_has_is_refused_with_the_remedy() -> None:
    at = ("engine-alerts", 3)
    refuse_another_broker({at: 7}, {at: 7})
    with pytest.raises(InvalidInput, match=r"engine-alerts \[3\] up to 8.*delete the store"):
        refuse_another_broker({at: 8}, {at: 7})
