"""Answers packed by gzip for those who accept it: long ones on their way, the dashboard's files once."""

from __future__ import annotations

import gzip
import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.staticfiles import NotModifiedResponse, StaticFiles

from api.lengthy import WorkedOnce
from api.negotiation import weights

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

SHORTEST_BYTES: Final = 2_048
"""What is shorter fits into a packet or two as it is."""
_TEXTS: Final = ("application/json", "application/geo+json", "application/x-ndjson", "text/csv", "text/html")
"""Events are not among them: they are sent as they come, and nothing may hold them back."""
_FILES: Final = frozenset({".css", ".html", ".js", ".json", ".svg", ".txt"})


class Packed:
    """ASGI middleware; it packs a body that is whole in one message, so streams pass as they are."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap an application."""
        self._app = app
        self._pack = WorkedOnce(partial(gzip.compress, compresslevel=1, mtime=0))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun: Message | None = None

        async def packing(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start" and _is_text(message):
                begun = message
                return
            if begun is not None:
                start, begun = begun, None
                message = await self._packed(start, message, is_accepted=accepts_gzip(Headers(scope=scope)))
                await send(start)
            await send(message)

        await self._app(scope, receive, packing)

    async def _packed(self, start: Message, message: Message, *, is_accepted: bool) -> Message:
        """Pack the body if it is whole and long; the headers of `start` tell of it."""
        start["headers"] = list(start["headers"])  # a response that is remembered keeps its own
        headers = MutableHeaders(raw=start["headers"])
        if "accept-encoding" not in headers.get("vary", "").lower():
            headers.add_vary_header("Accept-Encoding")
        body = message.get("body", b"")
        if not is_accepted or message.get("more_body", False) or len(body) < SHORTEST_BYTES:
            return message
        packed = await self._pack.of(body)
        headers["content-encoding"] = "gzip"
        headers["content-length"] = str(len(packed))
        return {**message, "body": packed}


class PackedFiles(StaticFiles):
    """Files of which each is packed once, when somebody first wants it so; a changed file is packed anew."""

    def __init__(self, directory: Path) -> None:
        """Serve a directory."""
        super().__init__(directory=directory)
        self._held: dict[tuple[str, int, int], bytes] = {}

    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        """Give a file, packed where that is accepted: another representation, so with a tag of its own."""
        plain = super().file_response(full_path, stat_result, scope, status_code)
        if Path(full_path).suffix not in _FILES:
            return plain
        plain.headers["Vary"] = "Accept-Encoding"
        asked = Headers(scope=scope)
        if not accepts_gzip(asked) or plain.status_code != 200:  # noqa: PLR2004
            return plain
        body = self._body(str(full_path), stat_result)
        headers = {name: plain.headers[name] for name in ("content-type", "last-modified", "etag", "vary")}
        response = Response(body, headers=headers | {"content-encoding": "gzip"})
        response.headers["etag"] = f'{plain.headers["etag"][:-1]}-gzip"'
        return NotModifiedResponse(response.headers) if self.is_not_modified(response.headers, asked) else response

    def _body(self, path: str, status: os.stat_result) -> bytes:
        file = (path, status.st_mtime_ns, status.st_size)
        if file not in self._held:
            self._held[file] = gzip.compress(Path(path).read_bytes(), 9, mtime=0)
        return self._held[file]


def accepts_gzip(headers: Headers) -> bool:
    """Tell whether an Accept-Encoding takes gzip; `*` alone does not, as few who send it mean it."""
    return weights(headers.getlist("accept-encoding")).get("gzip", 0.0) > 0


def _is_text(start: Message) -> bool:
    headers = Headers(raw=start["headers"])
    is_plain = "content-encoding" not in headers
    return is_plain and start["status"] == 200 and headers.get("content-type", "").startswith(_TEXTS)  # noqa: PLR2004
