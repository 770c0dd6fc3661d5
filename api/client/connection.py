"""A running API as the commands ask it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import httpx

from contracts.errors import InvalidInput, Unavailable
from observability.plain_text import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from api.settings import ClientSettings

_PATIENCE_S: Final = 30.0
_NOBODY_SENDS_S: Final = 40.0
"""A stream is alive when it says so every 15 seconds."""

_NO_ANSWER: Final = (httpx.HTTPError, httpx.InvalidURL, UnicodeError, OverflowError)
"""The last two: a host's name that cannot be encoded, a port that cannot be."""
_LONGEST_TOLD: Final = 200


class NotTheApi(Unavailable):
    """Something answers, but not as the API does; asking again would not help."""


class Connection:
    """Raises Unavailable when the API does not answer, InvalidInput with its own words when it refuses."""

    def __init__(self, settings: ClientSettings) -> None:
        """Prepare; nothing is connected yet."""
        self._server = settings.server.rstrip("/")
        key = settings.key.get_secret_value() if settings.key else None
        if key and not key.isascii():
            raise InvalidInput("--key has characters that no key has; give it as `api keys add` showed it")
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}

    def get(self, path: str, **parameters: Any) -> dict[str, Any]:
        """Give an answer; parameters that are None are left out."""
        given = {name: value for name, value in parameters.items() if value is not None}
        try:
            response = httpx.get(self._server + path, params=given, headers=self._headers, timeout=_PATIENCE_S)
        except _NO_ANSWER as error:
            raise self._away(error) from error
        self._refuse(response)
        try:
            answer: dict[str, Any] = response.json()
        except (ValueError, RecursionError) as error:
            raise self._not_the_api(_described(response)) from error
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
                self._refuse(response)
                if _media(response) != "text/event-stream":
                    raise self._not_the_api(_described(response))
                yield response.iter_lines()
        except _NO_ANSWER as error:
            raise self._away(error) from error

    @contextmanager
    def understood(self, what: str) -> Iterator[None]:
        """Let an answer be read and shown. Raises NotTheApi where it lacks, or has otherwise, what the API gives."""
        try:
            yield
        except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError, OSError) as error:
            raise self._not_the_api(f"{what} ({type(error).__name__}: {_one_line(str(error))})") from error

    def _away(self, error: Exception) -> Unavailable:
        why = _one_line(str(error))
        return Unavailable(f"no API answers at {self._server} ({why}); start it with `api serve`, or give --server URL")

    def _not_the_api(self, what: str) -> NotTheApi:
        return NotTheApi(f"{self._server} does not answer as the API does: it sent {what}; see --server")

    def _refuse(self, response: httpx.Response) -> None:
        """Raise what the API's problem document says; a redirect is none of its answers."""
        if response.is_success:
            return
        if not response.is_error:
            raise self._not_the_api(_described(response))
        detail = _detail(response)
        if response.status_code in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
            detail += "; give the key with --key, or in API_KEY"
        if response.is_server_error:
            raise Unavailable(f"the API at {self._server} says {response.status_code}: {detail}")
        raise InvalidInput(f"the API at {self._server} says {response.status_code}: {detail}")


def _detail(response: httpx.Response) -> str:
    try:
        return str(response.json()["detail"])
    except (ValueError, LookupError, TypeError, RecursionError):
        return _one_line(response.text)


def _described(response: httpx.Response) -> str:
    """Return what came, in a few words: status, media type, and where a redirect points."""
    where = response.headers.get("location")
    return f"{response.status_code} {_media(response) or 'of no type'}" + (f" to {_one_line(where)}" if where else "")


def _media(response: httpx.Response) -> str:
    kind: str = response.headers.get("content-type", "")
    return _one_line(kind.partition(";")[0].strip().lower())


def _one_line(text: str) -> str:
    return visible(" ".join(text[:_LONGEST_TOLD].split()), keeps="")
