"""Which receiver wants which alerts: a TOML file, one table a webhook."""

from __future__ import annotations

import tomllib
from base64 import b64encode
from ipaddress import ip_network
from typing import TYPE_CHECKING, Annotated, Final

import httpx
import msgspec

from contracts.alert import AlertState, Severity
from contracts.errors import InvalidInput

if TYPE_CHECKING:
    from pathlib import Path

    from api.notifier.addresses import Network
    from contracts.alert import Alert

_Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
_Url = Annotated[str, msgspec.Meta(pattern=r"^https?://[^\s]+$")]
_Secret = Annotated[str, msgspec.Meta(min_length=16)]
_SHORTEST_SECRET: Final = 4
"""Characters; what is shorter stands in any text."""


class Webhook(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One receiver. An empty list of rules, severities, fleets or states wants all of them."""

    name: _Name
    url: _Url
    secret: _Secret
    """What the body is signed with; at least 16 characters."""
    rules: tuple[str, ...] = ()
    severities: tuple[Severity, ...] = ()
    fleets: tuple[str, ...] = ()
    states: tuple[AlertState, ...] = ()
    allowed_networks: tuple[str, ...] = ()
    """Networks that are not public, such as `10.1.0.0/16`, in which the receiver may stand."""

    def __post_init__(self) -> None:
        """Raise ValueError for what is no network, and for what is no URL; the text holds nothing of the URL."""
        self.networks  # noqa: B018 - parses them
        try:
            host = self.parsed_url.raw_host
        except (httpx.InvalidURL, UnicodeError):
            host = b""
        if not host:
            message = f"the url of webhook {self.name!r} cannot be parsed; write https://HOST:PORT/PATH"
            raise ValueError(message)

    @property
    def networks(self) -> tuple[Network, ...]:
        """The allowed networks, parsed."""
        return tuple(ip_network(network) for network in self.allowed_networks)

    @property
    def parsed_url(self) -> httpx.URL:
        """The URL, parsed. Of the host ask for `raw_host`: `host` decodes it, and not every name can be decoded."""
        return httpx.URL(self.url)

    @property
    def authorization(self) -> str:
        """The header for user and password of the URL; empty where it has none."""
        url = self.parsed_url
        given = b64encode(f"{url.username}:{url.password}".encode()).decode("ascii")
        return f"Basic {given}" if url.userinfo else ""

    def without_secrets(self, text: str) -> str:
        """Return what a receiver said, without what it may have repeated of the secret and the URL behind the host."""
        url = self.parsed_url
        target = [url.raw_path.decode("ascii"), url.path, *url.path.split("/"), *url.params.values()]
        parts = {self.secret, url.userinfo.decode("ascii"), url.username, url.password, *target}
        parts.add(self.authorization.removeprefix("Basic "))
        for part in sorted(parts, key=len, reverse=True):
            if len(part) >= _SHORTEST_SECRET:
                text = text.replace(part, "…")
        return text

    def wants(self, alert: Alert, fleet: str | None) -> bool:
        """Tell whether this change of an alert is for it; `fleet` None: the vehicle is in no registry."""
        wishes = (
            (self.rules, alert.rule),
            (self.severities, alert.severity),
            (self.fleets, fleet),
            (self.states, alert.state),
        )
        return all(not wanted or given in wanted for wanted, given in wishes)


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    webhook: tuple[Webhook, ...]


def load_webhooks(file: Path) -> tuple[Webhook, ...]:
    """Read the file. Raises InvalidInput, which names the file, the place and the remedy."""
    try:
        webhooks = msgspec.convert(tomllib.loads(file.read_text(encoding="utf-8")), _File).webhook
    except OSError as error:
        raise InvalidInput(f"--webhooks {file} cannot be read ({error.strerror}); docs/api.md shows one") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise InvalidInput(f"--webhooks {file}: {error}; docs/api.md shows one") from error
    names = [webhook.name for webhook in webhooks]
    if repeated := {name for name in names if names.count(name) > 1}:
        raise InvalidInput(f"--webhooks {file}: the name {min(repeated)!r} stands twice; give each webhook its own")
    return webhooks
