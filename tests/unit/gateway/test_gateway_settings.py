from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from contracts.errors import InvalidInput
from gateway.settings import GatewaySettings
from gateway.subscription import Subscription
from observability.addresses import host_and_port


@pytest.mark.parametrize(
    ("address", "is_tls", "found"),
    [
        ("broker", False, ("broker", 1883)),
        ("broker", True, ("broker", 8883)),
        ("10.0.0.1:1884", True, ("10.0.0.1", 1884)),
        ("[::1]:1884", False, ("::1", 1884)),
        ("[::1]", False, ("::1", 1883)),
    ],
)
def test_an_mqtt_address_has_the_usual_port_unless_it_names_one(
    address: str,
    is_tls: bool,  # noqa: FBT001 - a column of the table above
    found: tuple[str, int],
) -> None:
    assert host_and_port(GatewaySettings(mqtt=address).mqtt, is_tls=is_tls) == found


@pytest.mark.parametrize("address", ["", "mqtt://broker", "broker:0", "broker:x", "a,b", "broker:65536"])
def test_what_is_no_mqtt_address_is_refused_with_the_form(address: str) -> None:
    with pytest.raises(ValidationError, match="write host or host:port"):
        GatewaySettings(mqtt=address)


def test_a_tls_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    with pytest.raises(InvalidInput, match=r"ca\.pem: not a usable PEM file"):
        Subscription(GatewaySettings(tls=True, tls_ca=file))
    file.write_text("no certificate")
    with pytest.raises(InvalidInput, match=r"ca\.pem: not a usable PEM file"):
        Subscription(GatewaySettings(tls=True, tls_ca=file))


def test_a_password_is_not_told() -> None:
    assert "secret" not in repr(GatewaySettings(username="g", password="secret"))  # noqa: S106
