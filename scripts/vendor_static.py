"""Vendors the dashboard's libraries from npm packages: checks each file's SHA-256 against `vendor.toml`.

`python scripts/vendor_static.py` fetches anew what is missing or different; `--check` only looks, without a network.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from pathlib import Path
from typing import Any

from observability.plain_text import print_error

VENDOR = Path(__file__).parents[1] / "api" / "static" / "vendor"
LIST = VENDOR / "vendor.toml"


def main(arguments: list[str]) -> int:
    """Check, or fetch and check. 1 when a file is not what the list says."""
    packages = tomllib.loads(LIST.read_text(encoding="utf-8"))["package"]
    if "--check" not in arguments:
        for package in packages:
            if differing(package):
                fetch(package)
    wrong = [name for package in packages for name in differing(package)]
    wrong += [f"{path} (not in the list)" for path in unlisted(packages)]
    for name in wrong:
        print_error(f"not as vendor.toml says: {name}; run `python scripts/vendor_static.py`")
    return 1 if wrong else 0


def differing(package: dict[str, Any]) -> list[str]:
    """Give the files of a package that are missing or have another hash."""
    paths = {f"{package['name']}/{file}": sha256 for file, sha256 in hashes(package).items()}
    return [name for name, sha256 in paths.items() if _sha256(VENDOR / name) != sha256]


def hashes(package: dict[str, Any]) -> dict[str, str]:
    """Give a package's files, by the name they have here, with their hashes."""
    return {Path(file).name: sha256 for file, sha256 in package["files"].items()}


def unlisted(packages: list[dict[str, Any]]) -> list[str]:
    """Give the files that no package has."""
    listed = {f"{package['name']}/{file}" for package in packages for file in hashes(package)} | {LIST.name}
    found = {str(path.relative_to(VENDOR)) for path in VENDOR.rglob("*") if path.is_file()}
    return sorted(found - listed)


def fetch(package: dict[str, Any]) -> None:
    """Take a package's files out of its archive, which `npm pack` fetches and checks."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["npm", "pack", "--silent", "--pack-destination", folder, f"{package['name']}@{package['version']}"]
        subprocess.run(command, check=True, cwd=folder)
        archive = next(Path(folder).glob("*.tgz"))
        with tarfile.open(archive) as packed:
            for file in package["files"]:
                packed_file = packed.extractfile(f"package/{file}")
                if packed_file is None:
                    raise FileNotFoundError(f"{package['name']} {package['version']} has no {file}")
                place = VENDOR / package["name"] / Path(file).name
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(packed_file.read())


def _sha256(path: Path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
