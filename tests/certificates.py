"""Certificates for tests: an authority of our own, and a server's certificate for 127.0.0.1, by openssl."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from pathlib import Path
from typing import NamedTuple


class Certificates(NamedTuple):
    authority: Path
    certificate: Path
    key: Path


def made_certificates(folder: Path) -> Certificates:
    """Make them as PEM files in a folder."""
    assert shutil.which("openssl"), "openssl is needed to make certificates; install Debian's package openssl"
    folder.mkdir(parents=True, exist_ok=True)
    made = Certificates(*(folder / name for name in ("ca.pem", "server.crt", "server.key")))
    authority_key, request, names = folder / "ca.key", folder / "server.csr", folder / "names"
    names.write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
    _openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test authority",
             "-keyout", authority_key, "-out", made.authority)  # fmt: skip
    _openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1", "-keyout", made.key, "-out", request)
    _openssl("x509", "-req", "-in", request, "-CA", made.authority, "-CAkey", authority_key, "-CAcreateserial",
             "-days", "2", "-extfile", names, "-out", made.certificate)  # fmt: skip
    return made


def serving_tls(made: Certificates) -> ssl.SSLContext:
    """Return what a server speaks TLS with."""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(made.certificate, made.key)
    return tls


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)
