"""A running API as the commands ask it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import httpx

from contracts.errors import InvalidInput, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from api.settings import ClientSettings

_PATIENCE_S: Final = 30.0
_NOBODY_SENDS_S: Final = 40.0
"""A stream is alive when it says so every 15 seconds."""


class Connection:
    """Raises Unavailable when the API does not answer, InvalidInput with its own words when it refuses."""

    def __init__(self, settings: ClientSettings) -> None:
        """Prepare; nothing is connected yet."""
        self._server = settings.server.rstrip("/")
        key = settings.key.get_secret_value() if settings.key else None
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}

    def get(self, path: str, **parameters: Any) -> dict[str, Any]:
        """Give an answer; parameters that are None are left out."""
        given = {name: value for name, value in parameters.items() if value is not None}
        try:
            response = httpx.get(self._server + path, params=given, headers=self._headers, timeout=_PATIENCE_S)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise self._away(error) from error
        _refuse(response)
        answer: dict[str, Any] = response.json()
        return answer

    @contextmanager
    def lines(self, path: str, last_id: str, **parameters: Any) -> Iterator[Iterator[str]]:
        """Give the lines of a stream, from the event after `last_id` on; empty: from now on."""
        given = {name: value for name, value in parameters.items() if value is not None}
        headers = self._headers | ({"Last-Event-ID": last_id} if last_id else {})
        patience = httpx.Timeout(_PATIENCE_S, read=_NOBODY_SENDS_S)
        try:
            with httpx.stream("GET", self._server + path, params=given, headers=headers, timeout=patience) as response:
                if response.is_error:
                    response.read()
                _refuse(response)
                yield response.iter_lines()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise self._away(error) from error

    def _away(self, error: Exception) -> Unavailable:
        return Unavailable(
            f"no API answers at {self._server} ({error}); start it with `api serve`, or give --server URL"
        )


def _refuse(response: httpx.Response) -> None:
    """Raise what the API's problem document says."""
    if not response.is_error:
        return
    try:
        detail = str(response.json()["detail"])
    except (ValueError, KeyError, TypeError):
        detail = response.text[:200]
    if response.status_code in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
        detail += "; give the key with --key, or in API_KEY"
    if response.is_server_error:
        raise Unavailable(f"the API says {response.status_code}: {detail}")
    raise InvalidInput(f"the API says {response.status_code}: {detail}")
