from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from certificates import made_certificates
from postgres import POSTGRES_USER, PostgresServer, running_postgres
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


def test_a_server_that_demands_tls_is_reached_by_the_address_alone() -> None:
    folder = Path(tempfile.mkdtemp(prefix="postgres-tls-"))  # pytest's own folders are closed to the server's user
    certificates = made_certificates(folder)
    for file in (folder, certificates.key, certificates.certificate):
        shutil.chown(file, POSTGRES_USER)
    certificates.key.chmod(0o600)
    tls = {"ssl": "on", "ssl_cert_file": str(certificates.certificate), "ssl_key_file": str(certificates.key)}
    try:
        with running_postgres(tls, host_rules="hostssl all all 127.0.0.1/32 trust\n") as server:
            url = server.database()
            verified = f"{url}?sslmode=verify-full&sslrootcert={certificates.authority}"
            store = open_for_writing(verified)
            project(store, *Topics().flush(a_state(VIN, a_trip(9_000, 800), offset=8)))
            store.dispose()
            reading = Store(verified)
            with reading.snapshot() as connection:
                ssl = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
                assert connection.exec_driver_sql(ssl).scalar() is True
            reading.close()
            assert len(read_snapshot(verified).trips) == 1
            with pytest.raises(Unavailable):
                open_for_writing(f"{url}?sslmode=disable")
            with pytest.raises(Unavailable, match="certificate"):
                open_for_writing(f"{url}?sslmode=verify-full&sslrootcert={certificates.certificate}")
    finally:
        shutil.rmtree(folder)
