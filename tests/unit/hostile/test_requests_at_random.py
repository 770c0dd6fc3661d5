from __future__ import annotations

import random
from pathlib import Path

from hostile.requests_at_random import STREAMS, requests

from api.app import build
from api.settings import ServeSettings


def test_every_operation_is_asked_but_the_streams(tmp_path: Path) -> None:
    document = build(ServeSettings(store=f"sqlite:///{tmp_path}/serving.db", keys=tmp_path / "keys.json")).openapi()
    made = list(requests(document, random.Random(1), 2_000))
    assert made == list(requests(document, random.Random(1), 2_000))
    begins = {path.split("{")[0] for path in document["paths"] if path not in STREAMS}
    assert [begin for begin in begins if not any(one.address.startswith(begin) for one in made)] == []
    assert not any(one.address.startswith(stream) for one in made for stream in STREAMS)
    assert {one.method for one in made} >= {"GET", "POST", "PATCH", "DELETE"}
    assert all(one.address.isascii() and " " not in one.address for one in made)
