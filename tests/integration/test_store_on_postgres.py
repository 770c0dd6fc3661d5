from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from postgres import PostgresServer, running_postgres
from serving import VIN, Topics, a_state, a_trip, partition_of, project
from store_contract import StoreContract, serve

from api.store.database import Store, open_for_writing
from cold_path.verification.snapshot import read_snapshot
from contracts.errors import Unavailable


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    with running_postgres() as server:
        yield server


class TestStoreOnPostgres(StoreContract):
    @pytest.fixture
    def url(self, postgres: PostgresServer) -> str:
        return postgres.database()

    def test_the_proof_reads_what_the_projector_wrote(self, url: str, views: Path) -> None:
        assert read_snapshot(url).is_empty
        store = open_for_writing(url)
        assert read_snapshot(url).is_empty
        trip = a_trip(8_000, 700)
        project(store, *Topics().flush(a_state(VIN, a_trip(9_000, None), offset=8)))
        serve(store, views, 1, {(VIN, trip.trip_started_at_ms): trip}, covered=6)
        store.dispose()
        snapshot = read_snapshot(url)
        assert snapshot.trips == {(VIN, trip.trip_started_at_ms): (9_000, 700, 0)}
        assert snapshot.reached[partition_of(VIN)] == 9


def test_a_server_that_is_away_is_told_without_its_password() -> None:
    with pytest.raises(Unavailable, match=r"ann:\*\*\*@"):
        read_snapshot("postgresql+psycopg://ann:secret@127.0.0.1:1/x")
    with pytest.raises(Unavailable, match=r"ann:\*\*\*@"):
        open_for_writing("postgresql+psycopg://ann:secret@127.0.0.1:1/x")
    with pytest.raises(Unavailable, match="cannot be opened"), Store("postgresql+psycopg://127.0.0.1:1/x").snapshot():
        pass
