from __future__ import annotations

import socket

import pytest

from contracts.errors import InvalidInput
from observability.status import serve_status


def test_a_port_that_is_taken_is_named_with_the_remedy() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(InvalidInput, match=rf"127\.0\.0\.1:{port} .*another --status-port, or 0"):
            serve_status(port, is_ready=lambda: True)
