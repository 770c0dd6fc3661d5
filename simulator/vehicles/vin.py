"""Vehicle identification numbers of cars that do not exist, with a valid check digit."""

from __future__ import annotations

from typing import Final

_ALPHABET: Final = "0123456789ABCDEFGHJKLMNPRSTUVWXYZ"
_VALUES: Final = {
    **{digit: int(digit) for digit in "0123456789"},
    **dict(zip("ABCDEFGH", range(1, 9), strict=True)),
    **dict(zip("JKLMN", range(1, 6), strict=True)),
    "P": 7,
    "R": 9,
    **dict(zip("STUVWXYZ", range(2, 10), strict=True)),
}
_WEIGHTS: Final = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
_CHECK_POSITION: Final = 8
_MAKER: Final = "0CC"
"""ISO 3780 assigns no region to a leading 0, so no real car has such a number."""


def check_digit(vin: str) -> str:
    """Give the character that belongs in the ninth place (49 CFR 565.15(c)); what stands there now does not matter."""
    remainder = sum(_VALUES[character] * weight for character, weight in zip(vin, _WEIGHTS, strict=True)) % 11
    return "X" if remainder == 10 else str(remainder)  # noqa: PLR2004 - the regulation's own exception


def with_check_digit(vin: str) -> str:
    """Give the same number with its ninth character made valid."""
    return vin[:_CHECK_POSITION] + check_digit(vin) + vin[_CHECK_POSITION + 1 :]


def simulated_vin(*, seed: int, model: int, vehicle: int) -> str:
    """Name the `vehicle`-th car of the fleet that grows from `seed`; two seeds of a million share no car."""
    described = _in_base_33(seed, 4) + _ALPHABET[model % len(_ALPHABET)]
    return with_check_digit(f"{_MAKER}{described}0N{_in_base_33(vehicle, 7)}")


def _in_base_33(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))
