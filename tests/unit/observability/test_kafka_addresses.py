from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError
from pydantic_settings import BaseSettings

from api.settings import ProjectorSettings, ServeSettings
from cold_path.settings import Run, Verify
from hot_path.settings import HotPathSettings
from observability.addresses import Bootstrap
from simulator.settings import KafkaSettings
from stack.settings import TopicsSettings

ADDRESS = TypeAdapter(Bootstrap)
PROGRAMS = [KafkaSettings, HotPathSettings, Run, Verify, ServeSettings, ProjectorSettings, TopicsSettings]


@pytest.mark.parametrize("given", ["127.0.0.1:9092", "kafka:19092", "a:1,b.c:65535", "[::1]:9092"])
def test_hosts_with_ports_are_taken_as_they_are(given: str) -> None:
    assert ADDRESS.validate_python(given) == given


@pytest.mark.parametrize(
    "given", ["", "nonsense", "nonsense:xx", "a:0", "a:65536", "a:1,", "a:1, b:2", ":9092", "http://a:1", "a:٣"]
)
def test_anything_else_is_refused_with_how_to_write_it(given: str) -> None:
    with pytest.raises(ValidationError, match="write host:port"):
        ADDRESS.validate_python(given)


@pytest.mark.parametrize("settings", PROGRAMS)
def test_every_program_refuses_a_wrong_address(settings: type[BaseSettings]) -> None:
    with pytest.raises(ValidationError, match="write host:port"):
        settings(bootstrap="nonsense:xx")
