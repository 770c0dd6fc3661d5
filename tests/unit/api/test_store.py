from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine, literal, select

from api.server import refuse_open_address
from api.settings import ServeSettings
from api.store.database import Store, newest_revision, open_for_writing
from api.store.dialect import greater
from api.store.tables import metadata
from contracts.errors import InvalidInput, Unavailable
from contracts.vehicle_state import greatest


def test_migrations_lead_to_the_tables(tmp_path: Path) -> None:
    with open_for_writing(f"sqlite:///{tmp_path}/s.db").connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_the_newest_revision_is_that_of_the_migrations(tmp_path: Path) -> None:
    with open_for_writing(f"sqlite:///{tmp_path}/s.db").connect() as connection:
        assert MigrationContext.configure(connection).get_current_revision() == newest_revision()


def test_opening_again_changes_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/deep/er/s.db"
    open_for_writing(url).dispose()
    open_for_writing(url).dispose()


@pytest.mark.parametrize("url", ["nonsense", "sqlite://", "sqlite:///:memory:", "mysql://x/y"])
def test_an_address_that_is_no_store_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput, match="--store"):
        Store(url)


def test_a_file_that_is_no_store_is_refused_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "s.db").write_bytes(b"no database at all, but long enough to look like one" * 100)
    with pytest.raises(InvalidInput, match="delete it"):
        open_for_writing(f"sqlite:///{tmp_path}/s.db")


def test_a_store_of_a_newer_program_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/s.db"
    with open_for_writing(url).begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(InvalidInput, match="another version"):
        open_for_writing(url)
    with pytest.raises(Unavailable, match="9999"), Store(url).snapshot():
        pass


def test_a_reader_cannot_write(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/s.db"
    open_for_writing(url).dispose()
    with Store(url).snapshot() as connection, pytest.raises(Exception, match="readonly"):
        connection.exec_driver_sql("DELETE FROM marks")


def test_a_snapshot_sees_one_state_of_the_store(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/s.db"
    writer = open_for_writing(url)
    count = "SELECT count(*) FROM marks"
    with Store(url).snapshot() as connection:
        assert connection.exec_driver_sql(count).scalar() == 0
        with writer.begin() as writing:
            writing.exec_driver_sql("INSERT INTO marks (partition, next_offset, received_at_ms) VALUES (0, 1, 2)")
        assert connection.exec_driver_sql(count).scalar() == 0


def test_a_replaced_store_is_opened_anew(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/s.db"
    with open_for_writing(url).begin() as writing:
        writing.exec_driver_sql("INSERT INTO marks (partition, next_offset, received_at_ms) VALUES (0, 1, 2)")
    store = Store(url)
    with store.snapshot() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM marks").scalar() == 1
    for file in tmp_path.glob("s.db*"):
        file.unlink()
    with pytest.raises(Unavailable, match="api projector"), store.snapshot():
        pass
    open_for_writing(url).dispose()
    with store.snapshot() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM marks").scalar() == 0


maybe = st.none() | st.integers(0, 9)


@given(maybe, maybe)
def test_the_greater_of_two_columns_is_that_of_two_counters(left: int | None, right: int | None) -> None:
    with create_engine("sqlite://").connect() as connection:
        assert connection.scalar(select(greater(literal(left), literal(right)))) == greatest(left, right)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_loopback_is_allowed(host: str) -> None:
    refuse_open_address(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.4", "example.org", ""])  # noqa: S104
def test_an_address_that_others_reach_is_refused(host: str) -> None:
    with pytest.raises(InvalidInput, match="loopback"):
        refuse_open_address(host)


def test_every_setting_works_locally_and_is_described() -> None:
    assert ServeSettings().host == "127.0.0.1"
    assert all(field.description for field in ServeSettings.model_fields.values())
