"""Work on whole answers: a short one where it stands, a long one in a thread, so that the event loop goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from anyio import to_thread

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

LONG_BYTES: Final = 64 * 1024
"""What is longer takes milliseconds to read, to write or to pack."""


async def worked(work: Callable[[bytes], T], body: bytes) -> T:
    """Return what `work` makes of an answer's bytes."""
    return work(body) if len(body) <= LONG_BYTES else await to_thread.run_sync(work, body)
