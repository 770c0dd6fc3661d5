"""How a notification reaches its receiver: by an address that was looked up and checked, and by no other."""

from __future__ import annotations

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Protocol

import httpx

from api.notifier.addresses import may_reach, network_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from api.notifier.addresses import Network


class Resolver(Protocol):
    """Looks names up."""

    async def addresses(self, host: str, port: int) -> list[str]:
        """Return the addresses of a host, the preferred one first. Raises httpx.ConnectError when there are none."""

    def close(self) -> None:
        """Begin no other look-up."""


class SystemResolver:
    """The system's resolver in a thread of its own, so that a slow name server keeps no other webhook waiting."""

    def __init__(self) -> None:
        """Look nothing up yet."""
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="resolver")

    async def addresses(self, host: str, port: int) -> list[str]:
        """Return the addresses of a host. Raises httpx.ConnectError."""
        try:
            found = await asyncio.get_running_loop().run_in_executor(self._thread, _looked_up, host, port)
        except (OSError, UnicodeError) as error:  # a label that is too long is a UnicodeError
            raise httpx.ConnectError(f"{host} is not known: {error}") from error
        return list(dict.fromkeys(found))

    def close(self) -> None:
        """Begin no other look-up."""
        self._thread.shutdown(wait=False, cancel_futures=True)


def _looked_up(host: str, port: int) -> list[str]:
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


class AddressRefused(httpx.RequestError):
    """Every address of the host is private, and its webhook does not allow it."""

    def __init__(self, host: str, addresses: Iterable[str]) -> None:
        """Name the host and what its webhook has to say."""
        networks = ", ".join(f'"{network_of(address)}"' for address in addresses)
        super().__init__(
            f"{host} is not at a public address; if that is meant, add allowed_networks = [{networks}] to its webhook"
        )


async def permitted(resolver: Resolver, url: httpx.URL, allowed: Iterable[Network]) -> list[str]:
    """Return the addresses that may be used. Raises AddressRefused, and httpx.ConnectError for an unknown host."""
    host, networks = url.raw_host.decode("ascii"), tuple(allowed)
    found = await resolver.addresses(host, url.port or (443 if url.scheme == "https" else 80))
    usable = [address for address in found if may_reach(address, networks)]
    if not usable:
        raise AddressRefused(host, found)
    return usable


class CheckedTransport(httpx.AsyncBaseTransport):
    """Looks the host up, and connects to a permitted address; certificate and Host header remain the host's.

    The name is looked up once a request and the connection is made to an address, so what a name server says next
    changes nothing. Proxies of the environment are not used: they would look the name up again.
    """

    def __init__(self, inner: httpx.AsyncBaseTransport, resolver: Resolver, allowed: Iterable[Network]) -> None:
        """Send through `inner`."""
        self._inner = inner
        self._resolver = resolver
        self._allowed = tuple(allowed)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Try one address after the other until one is connected."""
        url, failed = request.url, httpx.ConnectError("no address")
        request.extensions = {**request.extensions, "sni_hostname": url.raw_host.decode("ascii")}
        for address in await permitted(self._resolver, url, self._allowed):
            request.url = url.copy_with(host=address)
            try:
                return await self._inner.handle_async_request(request)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                failed = httpx.ConnectError(f"{address}: {error!r}")
        raise failed

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()
