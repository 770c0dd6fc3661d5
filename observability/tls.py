"""TLS to an MQTT broker, the same for cars and gateway."""

from __future__ import annotations

import ssl
from pathlib import Path

from contracts.errors import InvalidInput


def tls_context(ca: Path | None, certificate: Path | None, *, flags: str) -> ssl.SSLContext:
    """Trust the authority in `ca`, or else the system's; show `certificate`, a file with the key in it, when asked.

    Raises InvalidInput, which names the file and the `flags` to look at.
    """
    file = ca
    try:
        context = ssl.create_default_context(cafile=file)
        if certificate is not None:
            file = certificate
            context.load_cert_chain(file)
    except OSError as error:
        raise InvalidInput(f"{file}: not a usable PEM file ({error}); see {flags}") from error
    return context
