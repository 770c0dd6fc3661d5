from __future__ import annotations

import pytest

from contracts.vehicle import VIN
from simulator.vehicles.vin import check_digit, simulated_vin, with_check_digit


@pytest.mark.parametrize("vin", ["1M8GDM9AXKP042788", "11111111111111111", "5GZCZ43D13S812715"])
def test_published_numbers_have_the_check_digit_that_the_regulation_gives(vin: str) -> None:
    assert check_digit(vin) == vin[8]
    assert with_check_digit(vin[:8] + "0" + vin[9:]) == vin


def test_simulated_numbers_are_valid_and_all_different() -> None:
    vins = [simulated_vin(seed=seed, model=car % 35, vehicle=car) for seed in (0, 1, 999_999) for car in range(500)]
    assert len(set(vins)) == len(vins)
    assert all(VIN.fullmatch(vin) and check_digit(vin) == vin[8] for vin in vins)
