"""The logbook: what each car's odometer read last, in a file, so that after a restart it reads no lower."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from contracts.errors import InvalidInput
from contracts.files import locked, replacing
from simulator.vehicles.fleet import Floats

FASTEST_MPS: Final = 70.0


class Logbook:
    """One line of JSON, metres by VIN; cars of other fleets keep what they have there."""

    def __init__(self, file: Path | None) -> None:
        """Read what is there; without a file nothing is known, and nothing is written. Raises InvalidInput."""
        self._file = file
        self._known: dict[str, int] = {} if file is None else _read(file)

    def odometer_m(self, vehicle_ids: list[bytes]) -> Floats:
        """Give what each car's odometer reads at least."""
        return np.array([self._known.get(vin.decode(), 0) for vin in vehicle_ids], dtype=np.float64)

    def write(self, vehicle_ids: list[bytes], odometer_m: Floats) -> None:
        """Replace the file, atomically: no entry is below what it was at the start. Raises InvalidInput."""
        if self._file is None:
            return
        now = {vin.decode(): int(metres) for vin, metres in zip(vehicle_ids, odometer_m.tolist(), strict=True)}
        own = {name: max(self._known.get(name, 0), metres) for name, metres in now.items()}
        try:
            with locked(self._file):
                entries = _read(self._file) | own  # another fleet may have written meanwhile
                with replacing(self._file) as out:
                    out.write(msgspec.json.encode(entries) + b"\n")
        except OSError as error:
            raise InvalidInput(
                f"{self._file}: cannot be written ({error.strerror}); name another file by --logbook"
            ) from error


def _read(file: Path) -> dict[str, int]:
    try:
        return msgspec.json.decode(file.read_bytes(), type=dict[str, int])
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise InvalidInput(f"{file}: cannot be read ({error.strerror}); name another file by --logbook") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{file}:1: no logbook ({error}); delete it, or name another file by --logbook") from error
