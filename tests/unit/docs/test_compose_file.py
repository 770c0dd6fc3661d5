"""What can be told of the compose file without an engine: it is started for real by hand."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import yaml
from project_docs import ROOT, commands, words_of

from contracts.topics import LARGEST_RECORD_BYTES
from stack.broker import server_properties

_TEXT = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
_SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(_TEXT)["services"]


def test_ports_are_published_on_loopback_only() -> None:
    published = [port for service in _SERVICES.values() for port in service.get("ports", [])]
    assert published
    assert [port for port in published if not str(port).startswith("127.0.0.1:${")] == []


def test_every_variable_has_a_default() -> None:
    assert [name for name in re.findall(r"\$\{([^}]*)\}", _TEXT) if ":-" not in name] == []


def test_every_command_and_flag_exists() -> None:
    known = commands()
    wrong = []
    for name, service in _SERVICES.items():
        given = " ".join(str(word) for word in service.get("command", []))
        line = next((line for line in re.split(r"\{ ?| && |; ?|\|\| ?", given) if words_of(line.strip(), known)), "")
        command = words_of(line.strip(), known)
        if given and (command is None or set(re.findall(r"--[a-z-]+", line)) - known[command]):
            wrong.append((name, given))
    assert wrong == []


def test_the_broker_is_the_version_that_runs_without_containers() -> None:
    version = re.search(r'name="kafka_2\.13" rev="([\d.]+)"', (ROOT / "stack" / "kafka.xml").read_text())
    assert version is not None
    assert _SERVICES["kafka"]["image"] == f"apache/kafka:{version[1]}"


def test_the_broker_takes_the_largest_record_and_makes_no_topics() -> None:
    environment = _SERVICES["kafka"]["environment"]
    assert environment["KAFKA_MESSAGE_MAX_BYTES"] == LARGEST_RECORD_BYTES
    assert environment["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"


def test_transactions_end_as_soon_as_at_the_broker_that_runs_without_containers() -> None:
    properties = server_properties(data=Path("data"), port=1, controller_ports=[2])
    names = re.findall(r"^(transaction\.(?:max|abort)\S*)=(\d+)$", properties, re.MULTILINE)
    assert [milliseconds for _, milliseconds in names] == ["10000", "1000"]
    environment = _SERVICES["kafka"]["environment"]
    told = [(name, str(environment[f"KAFKA_{name.replace('.', '_').upper()}"])) for name, _ in names]
    assert told == names


def test_every_program_that_keeps_running_tells_its_health() -> None:
    untold = {name for name, service in _SERVICES.items() if "healthcheck" not in service}
    assert untold == {"topics", "history"}


def test_the_image_has_every_package() -> None:
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]["find"]["include"]
    let_in = {line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"}
    assert {package.removesuffix("*") for package in packages} - let_in == set()
