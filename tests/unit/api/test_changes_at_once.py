"""Changes of files that other processes and requests change at the same moment."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from racing import Racers
from serving import NOW_MS, publish

from api.app import build
from api.security.administration import add_key
from api.security.keys import KeyRing, read_keys
from api.settings import AddKey, ServeSettings
from cold_path.versions.catalogue import roll_back
from contracts.errors import InvalidInput
from contracts.views import current_version

KEYS = """
from pathlib import Path
from api.security.administration import add_key, revoke_key
from api.settings import AddKey, RevokeKey
files = dict(keys=Path({keys!r}), audit=Path({audit!r}))

def add(name):
    import contextlib, io
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        add_key(AddKey(name=name, role="viewer", **files), lambda: 1)

def revoke(name):
    revoke_key(RevokeKey(name=name, **files), lambda: 2)
"""


def test_a_key_revoked_while_another_is_made_is_revoked_and_the_other_is_made(tmp_path: Path) -> None:
    keys, rounds = tmp_path / "keys.json", 20
    preparation = KEYS.format(keys=str(keys), audit=str(tmp_path / "audit.jsonl"))
    for number in range(rounds):
        add_key(AddKey(name=f"old-{number}", role="viewer", keys=keys, audit=tmp_path / "audit.jsonl"), lambda: 0)
    with Racers(preparation, ["revoke(f'old-{number}')", "add(f'new-{number}')"]) as racers:
        ring = KeyRing(keys)
        for number in range(rounds):
            racers.begin(number)
            ring.refresh()
            assert racers.ended() == ["done", "done"]
    in_force = {key.name: key.revoked_at_ms is None for key in read_keys(keys)}
    assert in_force == {f"{kind}-{number}": kind == "new" for number in range(rounds) for kind in ("old", "new")}
    assert keys.stat().st_mode & 0o777 == 0o600


def test_keys_that_cannot_be_written_are_named_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    asked = AddKey(name="ann", role="viewer", keys=tmp_path / "plain" / "keys.json", audit=tmp_path / "audit.jsonl")
    with pytest.raises(InvalidInput, match=r"--keys .*keys.json cannot be written .*; see who"):
        add_key(asked, lambda: 0)


@pytest.mark.usefixtures("store")
def test_rollbacks_at_once_are_all_done_and_a_version_is_always_served(url: str, tmp_path: Path) -> None:
    views = tmp_path / "views"
    for version in (1, 2, 3):
        publish(views, version, {}, covered={})
    settings = ServeSettings(store=url, views=views, bootstrap="127.0.0.1:1", audit=tmp_path / "audit.jsonl")
    with TestClient(build(settings, clock=lambda: NOW_MS)) as client, ThreadPoolExecutor(6) as pool:
        asked = [pool.submit(client.post, f"/v1/views/{n % 3 + 1}/rollback", json={}) for n in range(60)]
        commands = [pool.submit(roll_back, views, n % 3 + 1) for n in range(60)]
        while not all(done.done() for done in (*asked, *commands)):
            assert current_version(views) in {1, 2, 3}
    assert {answer.result().status_code for answer in asked} == {200}
    assert [command.result() for command in commands] == [n % 3 + 1 for n in range(60)]
    assert {before for answer in asked if (before := answer.result().json()["before"])} <= {1, 2, 3}
