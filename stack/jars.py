"""The jars that the wheels do not bring: Kafka's broker, Delta for Spark; fetched once, kept in the user's cache.

Ivy, which ships inside the pyspark wheel, resolves and downloads them; what arrives must have the SHA-256 listed here.
"""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Literal

from contracts.errors import Unavailable
from contracts.files import locked

JarSet = Literal["kafka", "spark"]
JAR_SETS: tuple[JarSet, ...] = ("kafka", "spark")
_HERE = Path(__file__).parent
_DOWNLOAD_LIMIT_S = 600


def jar_folder(jar_set: JarSet, cache: Path) -> Path:
    """Give the folder that holds the jars, whether or not they are there yet."""
    return cache / f"{jar_set}-jars"


def fetch_jars(jar_set: JarSet, *, java: Path, cache: Path) -> Path:
    """Give the folder with the jars, downloading them when it is incomplete. Safe in several processes at once.

    Raises Unavailable when they cannot be had, or when one is not what the list of checksums says.
    """
    folder = jar_folder(jar_set, cache)
    wanted = listed_checksums((_HERE / f"{jar_set}.sha256").read_text())
    if _holds_names(folder, wanted):
        return folder
    with locked(folder):
        if not _holds_names(folder, wanted):
            _download(jar_set, wanted, java=java, folder=folder)
    return folder


def are_here(jar_set: JarSet, cache: Path) -> bool:
    """Tell whether the jars need no download."""
    return _holds_names(jar_folder(jar_set, cache), listed_checksums((_HERE / f"{jar_set}.sha256").read_text()))


def listed_checksums(text: str) -> dict[str, str]:
    """Give SHA-256 by file name, from lines as `sha256sum` writes them."""
    return {name: digest for digest, name in (line.split() for line in text.splitlines() if line.strip())}


def wrong_files(folder: Path, wanted: dict[str, str]) -> list[str]:
    """Name the files that are missing, or that are not what their checksum says."""
    return [name for name, digest in wanted.items() if _sha256(folder / name) != digest]


def _holds_names(folder: Path, wanted: dict[str, str]) -> bool:
    """Tell whether the folder is the one for this list: it appears whole, and only after its checksums held."""
    return folder.is_dir() and {jar.name for jar in folder.glob("*.jar")} == set(wanted)


def _sha256(file: Path) -> str | None:
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else None


def _download(jar_set: JarSet, wanted: dict[str, str], *, java: Path, folder: Path) -> None:
    logging.getLogger(__name__).info(
        "fetching jars", extra={"jars": jar_set, "files": len(wanted), "into": str(folder)}
    )
    with tempfile.TemporaryDirectory(prefix=f"{jar_set}-", dir=folder.parent) as scratch:
        arrived = Path(scratch) / "jars"
        _run_ivy(_HERE / f"{jar_set}.xml", java=java, into=arrived, scratch=Path(scratch))
        if wrong := wrong_files(arrived, wanted):
            raise Unavailable(
                f"the jars of {jar_set} are not what stack/{jar_set}.sha256 lists: {', '.join(wrong[:5])}; "
                "nothing was installed. Run it again; if it stays, the download is being altered on its way."
            )
        for extra in {jar.name for jar in arrived.iterdir()} - set(wanted):
            (arrived / extra).unlink()
        shutil.rmtree(folder, ignore_errors=True)
        arrived.rename(folder)


def _run_ivy(module: Path, *, java: Path, into: Path, scratch: Path) -> None:
    command: list[str | Path] = [java, "-jar", _ivy(), "-ivy", module, "-cache", scratch / "cache"]
    command += ["-retrieve", f"{into}/[artifact]-[revision].[ext]", "-types", "jar", "bundle"]
    try:
        ended = subprocess.run(
            command, capture_output=True, text=True, timeout=_DOWNLOAD_LIMIT_S, check=False, cwd=scratch
        )
    except subprocess.TimeoutExpired:
        raise Unavailable(
            f"the jars of {module.stem} did not arrive within {_DOWNLOAD_LIMIT_S} s; run it again"
        ) from None
    if ended.returncode != 0 or not into.is_dir():
        told = "\n".join((ended.stdout + ended.stderr).splitlines()[-15:])
        raise Unavailable(f"the jars of {module.stem} cannot be fetched from Maven Central; Ivy says:\n{told}")


def _ivy() -> Path:
    wheel = importlib.util.find_spec("pyspark")
    if wheel is None or wheel.origin is None:
        raise Unavailable("pyspark is not installed, and Ivy ships inside it: run `make setup`")
    return next((Path(wheel.origin).parent / "jars").glob("ivy-*.jar"))
