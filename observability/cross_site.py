"""What a page of another site may not do to a server that a browser can reach: ask it under a foreign name, change it.

A browser sends requests for any page. Three things tell them apart: the name they were sent to (`Host`), the page that
sent them (`Origin`), and what a page may send unasked, which is forms only.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
"""All others change something, also those that nobody has heard of."""
_AUTHORITY: Final = re.compile(r"(\[[0-9a-fA-F:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(?::(\d{1,5}))?")
_PORTS: Final = {"http": "80", "https": "443"}
_NO_FORM_SENDS: Final = ("x-api-key", "x-requested-with")
_SHOWN: Final = 100


class ForeignRequest(NamedTuple):
    """Why a request is refused."""

    status: HTTPStatus
    detail: str


class Asked(NamedTuple):
    """The part of a request that tells where it comes from; header names are lower case."""

    method: str
    headers: Iterable[tuple[bytes, bytes]]
    reached_at: str | None
    """The server's own address that the request came in at."""
    scheme: str
    """`http` or `https`, as the page that sent it would have been asked for here."""


@dataclass(frozen=True, slots=True)
class Site:
    """Under which names a server is asked, besides loopback and its own address, and from which origins' pages."""

    hosts: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()
    remedy: str = "use a name of this machine"
    """What to do about a name that is not known."""

    def refusal(self, asked: Asked) -> ForeignRequest | None:
        """Return why a request is refused, None if it is not; a request that changes nothing needs the name only."""
        given: dict[str, list[str]] = {}
        for name, value in asked.headers:
            given.setdefault(name.decode("latin-1"), []).append(value.decode("latin-1"))
        if (refused := self._misdirected(given.get("host", []), asked.reached_at)) is not None:
            return refused
        if asked.method in SAFE_METHODS:
            return None
        return self._foreign(given, asked.scheme) or _form(given)

    def _misdirected(self, hosts: list[str], reached_at: str | None) -> ForeignRequest | None:
        found = _AUTHORITY.fullmatch(hosts[0]) if len(hosts) == 1 else None
        if found is None:
            return ForeignRequest(
                HTTPStatus.BAD_REQUEST, "send exactly one `Host` header, a name or address and its port"
            )
        name = found[1].strip("[]").rstrip(".").lower()
        # An address cannot be bound to another machine, as a name can.
        if name in self.hosts or is_loopback(name) or (name == reached_at and is_address(name)):
            return None
        return ForeignRequest(HTTPStatus.MISDIRECTED_REQUEST, f"nobody is called {name[:_SHOWN]!r} here; {self.remedy}")

    def _foreign(self, given: dict[str, list[str]], scheme: str) -> ForeignRequest | None:
        origins = [origin.rstrip("/").lower() for origin in given.get("origin", [])]
        foreign = [origin for origin in origins if not self._is_own(origin, scheme, given["host"][0])]
        if not foreign or "*" in self.origins:
            return None
        return ForeignRequest(HTTPStatus.FORBIDDEN, f"pages of {foreign[0][:_SHOWN]!r} may change nothing here")

    def _is_own(self, origin: str, scheme: str, host: str) -> bool:
        asked_by, _, authority = origin.partition("://")
        return origin in self.origins or (
            asked_by == scheme and _with_port(authority, scheme) == _with_port(host.lower(), scheme) != ""
        )


def is_loopback(host: str) -> bool:
    """Return whether a name or address can mean nothing but this machine."""
    return host == "localhost" or (is_address(host) and ipaddress.ip_address(host).is_loopback)


def is_address(host: str) -> bool:
    """Return whether a text is an IP address; one with a zone is not, as a zone may be any text."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return "%" not in host


def _with_port(authority: str, scheme: str) -> str:
    found = _AUTHORITY.fullmatch(authority)
    return f"{found[1].rstrip('.')}:{found[2] or _PORTS[scheme]}" if found else ""


def _form(given: dict[str, list[str]]) -> ForeignRequest | None:
    """Return a refusal for what a form could have sent; a page that sends anything else asks for leave first."""
    kinds = [kind.partition(";")[0].strip().lower() for kind in given.get("content-type", [])]
    bearer = any(value[:7].lower() == "bearer " for value in given.get("authorization", []))
    if kinds == ["application/json"] or bearer or any(name in given for name in _NO_FORM_SENDS):
        return None
    return ForeignRequest(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        "send `Content-Type: application/json`, also without a body: pages of other sites cannot send it unasked",
    )
