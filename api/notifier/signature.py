"""What proves to a receiver that a notification is ours and of now: an HMAC over its time and its bytes."""

from __future__ import annotations

import hashlib
import hmac

HEADER = "X-Signature"


def signed(secret: str, body: bytes, at_s: int) -> str:
    """Give the header: `t=SECONDS,v1=HEX`, the HMAC-SHA-256 of `SECONDS.BODY`."""
    return f"t={at_s},v1={_digest(secret, body, at_s)}"


def is_genuine(secret: str, body: bytes, header: str, now_s: int, *, within_s: int = 300) -> bool:
    """Tell whether a header belongs to a body and is not older than that: what a receiver does."""
    fields = dict(part.partition("=")[::2] for part in header.split(","))
    at = fields.get("t", "")
    if not at.isdecimal() or abs(now_s - int(at)) > within_s:
        return False
    return hmac.compare_digest(fields.get("v1", "").encode(), _digest(secret, body, int(at)).encode())


def _digest(secret: str, body: bytes, at_s: int) -> str:
    return hmac.new(secret.encode(), f"{at_s}.".encode() + body, hashlib.sha256).hexdigest()
