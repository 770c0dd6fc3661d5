"""Answers packed by gzip for those who accept it: long ones on their way, the dashboard's files once."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from email.utils import formatdate
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, NamedTuple

from fastapi import HTTPException
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.staticfiles import NotModifiedResponse, StaticFiles

from api.lengthy import WorkedOnce
from api.negotiation import weights

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

SHORTEST_BYTES: Final = 2_048
"""What is shorter fits into a packet or two as it is."""
_TEXTS: Final = ("application/json", "application/geo+json", "application/x-ndjson", "text/csv", "text/html")
"""Events are not among them: they are sent as they come, and nothing may hold them back."""
_FILES: Final = frozenset({".css", ".html", ".js", ".json", ".svg", ".txt"})
_READING: Final = frozenset({"GET", "HEAD"})


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


class _File(NamedTuple):
    """A file as it was at a time of change and of a length; its tag is that of the plain one."""

    version: tuple[int, int]
    changed: str
    plain: bytes
    packed: bytes
    tag: str


class PackedFiles(StaticFiles):
    """A folder's files, sent from memory, plain and packed; one that has changed is read anew, a `Range` ignored.

    The library's own answers read a file piece by piece in threads, and keep it open for as long as a client likes.
    """

    def __init__(self, directory: Path) -> None:
        """Serve the files that are in a folder now."""
        super().__init__(directory=directory)
        self._paths = {str(path.relative_to(directory)): path for path in directory.rglob("*") if path.is_file()}
        self._held: dict[Path, _File] = {}

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return a file, packed where that is accepted: another representation, so with a tag of its own."""
        if scope["method"] not in _READING:
            raise HTTPException(HTTPStatus.METHOD_NOT_ALLOWED)
        if path not in self._paths:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        asked, file = Headers(scope=scope), self._file(self._paths[path])
        is_packed = accepts_gzip(asked) and self._paths[path].suffix in _FILES
        tag = f'"{file.tag}"'
        told = {"ETag": tag, "Last-Modified": file.changed, "Vary": "Accept-Encoding"}
        if is_packed and tag not in asked.get("if-none-match", ""):
            told |= {"ETag": f'"{file.tag}-gzip"', "Content-Encoding": "gzip"}
        body = file.packed if is_packed else file.plain
        response = Response(body, media_type=mimetypes.guess_type(path)[0], headers=told)
        return NotModifiedResponse(response.headers) if self.is_not_modified(response.headers, asked) else response

    def _file(self, path: Path) -> _File:
        status = path.stat()
        version = status.st_mtime_ns, status.st_size
        known = self._held.get(path)
        if known is None or known.version != version:
            plain = path.read_bytes()
            tag = hashlib.sha256(plain).hexdigest()[:32]
            changed = formatdate(status.st_mtime, usegmt=True)
            known = self._held[path] = _File(version, changed, plain, gzip.compress(plain, 9, mtime=0), tag)
        return known


def accepts_gzip(headers: Headers) -> bool:
    """Tell whether an Accept-Encoding takes gzip; `*` alone does not, as few who send it mean it."""
    return weights(headers.getlist("accept-encoding")).get("gzip", 0.0) > 0


def _is_text(start: Message) -> bool:
    headers = Headers(raw=start["headers"])
    is_plain = "content-encoding" not in headers
    return is_plain and start["status"] == 200 and headers.get("content-type", "").startswith(_TEXTS)  # noqa: PLR2004
