"""What tests share: a real broker with the project's topics, the shared material, and skips that count in CI."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from contracts.errors import Unavailable
from stack.broker import SMALL_HEAP_MB, Broker, BrokerFiles, server_properties
from stack.environment import cache_folder, machine_environment
from stack.java import find_java, with_java
from stack.ports import free_ports
from stack.topics import ensure_topics

_SHARED = Path(__file__).parents[2] / "shared"
_IN_CI = bool(machine_environment().get("CI"))
# A busy machine is no defect of the code: no property fails for being slow.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a hostile run be repeated, as a whole or in part."""
    parser.addoption("--hostile-seed", type=int, help="seed of generated attacks; default: a new one, which is told")
    parser.addoption("--attack", help="make only the attacks whose `surface: name` holds this text")


def pytest_configure() -> None:
    """Let the programs under test find the Java that the project uses, drive at any hour, and hear test clients."""
    os.environ.setdefault("SIMULATOR_RHYTHM", "false")  # noqa: TID251 - children inherit it
    os.environ.setdefault("API_ALLOWED_HOSTS", '["testserver"]')  # noqa: TID251 - as Starlette's client calls an API
    environment = machine_environment()
    try:
        java = find_java(environment, shims=cache_folder(environment))
    except Unavailable:
        return  # the tests that need it will say so
    os.environ.update(with_java(environment, java))  # noqa: TID251 - children inherit it


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where CI is set a skipped test is a failed one: what needs something must get it."""
    report = yield
    if _IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skips are forbidden where CI is set: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def broker_files() -> BrokerFiles:
    """Java and the broker's jars, fetched when this user never had them."""
    return BrokerFiles.found(machine_environment())


@pytest.fixture(scope="session")
def broker(broker_files: BrokerFiles, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A real broker for the whole run, without topics; use unique topics and groups on it."""
    with _running(broker_files, tmp_path_factory.mktemp("broker")) as started:
        yield started


@pytest.fixture(scope="session")
def topics(broker: Broker) -> Broker:
    """The run's broker with the project's topics on it, shared by everyone who asks."""
    asyncio.run(ensure_topics(broker.bootstrap))
    return broker


@pytest.fixture(scope="module")
def module_broker(broker_files: BrokerFiles, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A broker of this module's own, with the project's topics, empty."""
    with _running(broker_files, tmp_path_factory.mktemp("module-broker")) as started:
        asyncio.run(ensure_topics(started.bootstrap))
        yield started


@pytest.fixture
def fresh_broker(broker_files: BrokerFiles, tmp_path: Path) -> Iterator[Broker]:
    """A broker of this test's own, with the project's topics, empty."""
    with _running(broker_files, tmp_path / "broker") as started:
        asyncio.run(ensure_topics(started.bootstrap))
        yield started


@pytest.fixture(scope="module")
def patient_broker(broker_files: BrokerFiles, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A broker of this module's own, without topics, on which a transaction may stay open for a quarter of an hour."""
    data, (port, controller) = tmp_path_factory.mktemp("patient-broker"), free_ports(None, None)
    usual = server_properties(data=data.resolve(), port=port, controller_ports=[controller])
    properties = f"{usual}transaction.max.timeout.ms=900000\n"  # the last one counts
    started = Broker.started(
        broker_files, properties, data=data, port=port, heap_mb=SMALL_HEAP_MB, log=data / "broker.log"
    )
    try:
        yield started.wait_ready()
    finally:
        started.stop()


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder beside the repository with recordings and material that several repositories use."""
    if not _SHARED.is_dir():
        pytest.skip(f"needs the recordings in {_SHARED.name}/ beside the repository's folder")
    return _SHARED


@contextmanager
def _running(files: BrokerFiles, folder: Path) -> Iterator[Broker]:
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "broker.log"
    started = Broker.start(files, data=folder / "data", heap_mb=SMALL_HEAP_MB, log=log)
    try:
        yield started.wait_ready()
    finally:
        started.stop()
