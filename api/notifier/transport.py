"""How a notification reaches its receiver: at an address that was looked up and checked, and within bounds."""

from __future__ import annotations

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, Protocol

import httpcore

from api.notifier.addresses import may_reach, network_of
from api.notifier.bounded import BoundedStream

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable

    from api.notifier.addresses import Network
    from api.notifier.webhook import Webhook

AT_ONCE: Final = 8
"""Attempts of one webhook, and its connections; each ends within `timeout_s`."""
_IDLE_S: Final = 5.0


class UnknownHost(Exception):
    """No name server knows the host."""


class Resolver(Protocol):
    """Looks names up."""

    async def addresses(self, host: str, port: int) -> list[str]:
        """Return the addresses of a host, the preferred one first. Raises UnknownHost when there are none."""

    def close(self) -> None:
        """Begin no other look-up."""


class SystemResolver:
    """The system's resolver in a thread of its own, so that a slow name server keeps no other webhook waiting."""

    def __init__(self) -> None:
        """Look nothing up yet."""
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="resolver")

    async def addresses(self, host: str, port: int) -> list[str]:
        """Return the addresses of a host. Raises UnknownHost."""
        try:
            found = await asyncio.get_running_loop().run_in_executor(self._thread, _looked_up, host, port)
        except (OSError, UnicodeError) as error:  # a label that is too long is a UnicodeError
            raise UnknownHost(f"{host} is not known: {error}") from error
        return list(dict.fromkeys(found))

    def close(self) -> None:
        """Begin no other look-up."""
        self._thread.shutdown(wait=False, cancel_futures=True)


def _looked_up(host: str, port: int) -> list[str]:
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


class AddressRefused(Exception):
    """Every address of the host is private, and its webhook does not allow it."""

    def __init__(self, host: str, addresses: Iterable[str]) -> None:
        """Name the host and what its webhook has to say."""
        networks = ", ".join(f'"{network_of(address)}"' for address in addresses)
        super().__init__(
            f"{host} is not at a public address; if that is meant, add allowed_networks = [{networks}] to its webhook"
        )


async def permitted(resolver: Resolver, host: str, port: int, allowed: Iterable[Network]) -> list[str]:
    """Return the addresses that may be used. Raises AddressRefused, and UnknownHost."""
    networks = tuple(allowed)
    found = await resolver.addresses(host, port)
    usable = [address for address in found if may_reach(address, networks)]
    if not usable:
        raise AddressRefused(host, found)
    return usable


def pool_of(
    webhook: Webhook, resolver: Resolver, tls: ssl.SSLContext, inner: httpcore.AsyncNetworkBackend | None = None
) -> httpcore.AsyncConnectionPool:
    """Return the connections of a webhook: HTTP and nothing more, so no cookies, redirects, proxies or log of URLs."""
    return httpcore.AsyncConnectionPool(
        ssl_context=tls,
        max_connections=AT_ONCE,
        keepalive_expiry=_IDLE_S,
        network_backend=CheckedBackend(inner or httpcore.AnyIOBackend(), resolver, webhook.networks),
    )


class CheckedBackend(httpcore.AsyncNetworkBackend):
    """Looks the host up, and connects to a permitted address; certificate and Host header remain the host's.

    The name is looked up once a connection and the connection is made to an address, so what a name server says next
    changes nothing.
    """

    def __init__(self, inner: httpcore.AsyncNetworkBackend, resolver: Resolver, allowed: Iterable[Network]) -> None:
        """Connect through `inner`."""
        self._inner = inner
        self._resolver = resolver
        self._allowed = tuple(allowed)

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature is httpcore's, here and below
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Try one address after the other until one is connected; `timeout` is for each."""
        failed = httpcore.ConnectError("no address")
        for address in await permitted(self._resolver, host, port, self._allowed):
            try:
                stream = await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = httpcore.ConnectError(f"{address}: {error!r}")
            else:
                return BoundedStream(stream)
        raise failed
