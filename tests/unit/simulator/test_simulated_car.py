from __future__ import annotations

import numpy as np
import pytest

from simulator.faults.fault import Faults
from simulator.live.live_fleet import LiveFleet
from simulator.physics import electricity, thermal, tyres
from simulator.physics.engine import geared_rpm, oil_pressure_kpa
from simulator.trips.network import network
from simulator.trips.road_book import road_book
from simulator.vehicles.fleet import STYLES, Floats, fleet

START_MS = 1_790_000_000_000
BOOK = road_book(network("denver", seed=1, segments=0), 1)


def of(*values: float) -> Floats:
    return np.array(values, dtype=np.float64)


def a_drive(ticks: int = 900) -> LiveFleet:
    cars = fleet(150, 5)
    faults = Faults(len(cars), per_vehicle_hour=0, growth_s=15, repair_s=60)
    live = LiveFleet(cars, BOOK, seed=5, start_ms=START_MS, rate_hz=1, faults=faults)
    for _ in range(ticks):
        live.tick()
    return live


def test_more_gears_and_earlier_shifts_turn_the_engine_slower_at_the_same_speed() -> None:
    speed, idle = of(13, 13), of(700, 700)
    early, late = geared_rpm(speed, of(6, 6), of(1900, 2900), idle)
    assert early < late
    assert geared_rpm(of(0), of(6), of(2200), of(700))[0] == 700
    assert 1200 < geared_rpm(of(13.9), of(6), of(2200), of(700))[0] < 2300


def test_an_engine_warms_to_its_thermostat_and_stays_there() -> None:
    coolant_c = of(20.0)
    seen = []
    for _ in range(3000):
        coolant_c = thermal.coolant_after(
            coolant_c, fuel_kw=of(40.0), ambient_c=of(20.0), speed_mps=of(14.0), displacement_l=of(2.0), dt_s=1
        )
        seen.append(coolant_c[0])
    assert thermal.THERMOSTAT_OPENS_C < seen[-1] < thermal.THERMOSTAT_OPEN_C
    assert seen[-1] == pytest.approx(seen[-500], abs=0.1)
    assert next(second for second, each in enumerate(seen) if each > 80) < 900


def test_a_thermostat_stuck_open_never_lets_it_get_warm() -> None:
    coolant_c = of(90.0)
    for _ in range(1500):
        coolant_c = thermal.coolant_after(
            coolant_c, fuel_kw=of(35.0), ambient_c=of(15.0), speed_mps=of(14.0), displacement_l=of(2.0), dt_s=1,
            least_opening=1.0,
        )  # fmt: skip
    assert coolant_c[0] < 75


def test_a_leak_boils_a_warm_engine_and_leaves_a_cold_one_alone() -> None:
    warm, cold = of(90.0), of(30.0)
    for _ in range(300):
        warm, cold = (
            thermal.leaking_coolant_after(each, severity=of(1.0), reach_s=100.0, dt_s=1) for each in (warm, cold)
        )
    assert warm[0] == pytest.approx(thermal.BOILING_C, abs=1)
    assert cold[0] == 30


def test_oil_pressure_rises_with_speed_and_falls_with_heat() -> None:
    assert (np.diff(oil_pressure_kpa(of(700, 1500, 2500), of(90, 90, 90))) > 0).all()
    assert (np.diff(oil_pressure_kpa(of(1500, 1500, 1500), of(20, 60, 100))) < 0).all()
    assert oil_pressure_kpa(of(0), of(90))[0] == 0


def test_starting_costs_charge_and_the_alternator_gives_it_back() -> None:
    charge = electricity.charge_after_parking(of(0.9), of(3600.0))
    assert charge[0] == pytest.approx(0.9 - electricity.STARTING_TAKES, abs=0.001)
    for _ in range(1800):
        charge = electricity.charge_after(charge, np.array([True]), 1.0)
    assert charge[0] > 0.98
    assert electricity.charge_after(charge, np.array([False]), 1.0) == charge


def test_voltage_is_the_regulators_while_running_and_the_batterys_at_rest() -> None:
    def volts(charge: float, rpm: float, ambient_c: float = 20) -> float:
        found = electricity.system_v(of(charge), of(rpm), charging_v=of(14.1), ambient_c=of(ambient_c))
        return float(found[0])

    assert volts(1, 2000) == pytest.approx(14.1)
    assert volts(0.5, 2000) < volts(1, 2000)
    assert volts(1, 700) < volts(1, 2000)
    assert volts(1, 2000, 40) < volts(1, 2000, -10)
    assert 12.6 < volts(1, 0) < 12.8
    assert volts(0, 0) < 12


def test_rolling_tyres_gain_pressure_by_the_gas_law_and_standing_ones_lose_it() -> None:
    tyre_c = of(18.0)
    for _ in range(3600):
        tyre_c = tyres.tyre_c_after(tyre_c, ambient_c=of(18.0), speed_mps=of(20.0), dt_s=1)
    assert 23 < tyre_c[0] < 26
    filled = np.full((1, 4), 230.0)
    assert tyres.tyre_kpa(filled, of(tyres.FILLED_AT_C)) == pytest.approx(filled)
    # 10 kPa for 10 K, as tyre makers say.
    assert tyres.tyre_kpa(filled, of(28.0))[0, 0] - 230 == pytest.approx(10.8, abs=0.5)


def test_a_hasty_driver_speeds_shifts_late_and_idles_longer() -> None:
    calm, normal, hasty = STYLES
    for one, other in ((calm, normal), (normal, hasty)):
        assert all(a < b for a, b in zip(one, other, strict=True))
    live = a_drive()
    cars, fast = live.fleet, []
    for style in range(3):
        mine = cars.style == style
        fast.append((live.cars.distance_m[mine].sum() / live.cars.elapsed_s[mine].sum(), mine.sum()))
    assert fast[0][0] < fast[2][0]
    assert all(count > 10 for _, count in fast)


def test_a_tank_falls_by_what_the_engine_burns_and_is_filled_below_a_fifth() -> None:
    live = a_drive(300)
    cars, rows = live.cars, np.arange(10)
    cars.fuel_at_start_l[:5] = 0.19 * live.fleet.tank_l[:5]
    before_l, burnt_l = cars.fuel_at_start_l[5:10].copy(), cars.fuel_ml[5:10] / 1000
    cars.park(rows, parked_s=np.full(10, 60.0), ambient_c=np.full(10, 18.0))
    assert cars.fuel_at_start_l[:5] == pytest.approx(0.95 * live.fleet.tank_l[:5])
    assert cars.fuel_at_start_l[5:10] == pytest.approx(before_l - burnt_l)
