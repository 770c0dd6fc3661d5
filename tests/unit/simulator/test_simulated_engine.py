from __future__ import annotations

import numpy as np
import pytest

from simulator.physics import engine, thermal


def an_array(*values: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array(values, dtype=np.float64)


def test_power_at_steady_speed_on_the_level_is_road_load_times_speed() -> None:
    speed = an_array(30.0)
    force = engine.road_load_n(speed, an_array(100), an_array(2), an_array(0.4))
    assert force == pytest.approx(100 + 60 + 360)
    assert engine.wheel_power_kw(speed, force, an_array(1500), an_array(0), an_array(0)) == pytest.approx(15.6)


def test_climbing_costs_weight_times_height() -> None:
    level, uphill = (
        engine.wheel_power_kw(an_array(10), an_array(300), an_array(1500), an_array(0), an_array(climb))
        for climb in (0, 1)
    )
    assert uphill - level == pytest.approx(1500 * 9.81 / 1000)


def fuel_kw(wheel_kw: float, speed_mps: float) -> float:
    burnt = engine.fuel_gps(an_array(wheel_kw), an_array(speed_mps), displacement_l=an_array(2), rated_kw=an_array(110))
    return float(burnt[0]) * engine.PETROL_KJ_PER_G


def test_an_idling_engine_burns_its_friction_as_real_ones_do() -> None:
    litres_an_hour = fuel_kw(0, 0) / engine.PETROL_KJ_PER_G / engine.PETROL_G_PER_ML / 1000 * 3600
    assert 0.6 < litres_an_hour < 1.4
    assert fuel_kw(-5, 1) == pytest.approx(fuel_kw(0, 1))


def test_overrun_burns_nothing() -> None:
    assert fuel_kw(-20, 20) == 0


def test_fuel_rises_with_power_by_the_willans_line() -> None:
    assert fuel_kw(20, 10) - fuel_kw(10, 10) == pytest.approx(10 / engine.EFFICIENCY)


def test_an_engine_never_burns_less_than_nothing_however_fast_it_goes() -> None:
    assert fuel_kw(0, 80) >= 0


def test_speed_density_agrees_with_itself_solved_for_speed_and_for_pressure() -> None:
    rpm, kpa, intake, litres = an_array(900, 3000), an_array(30, 70), an_array(20, 45), an_array(1.5, 3.0)
    air = engine.air_flow_gps(rpm, kpa, intake, litres)
    assert engine.manifold_kpa_for(air, rpm, intake, litres) == pytest.approx(kpa)
    assert engine.rpm_for(air, 50.0, intake, litres) == pytest.approx(rpm * kpa / 50)


def test_rpm_never_falls_below_idle_and_hasty_drivers_turn_the_engine_faster() -> None:
    speed, gears, idle = np.linspace(0, 40, 200), np.full(200, 6.0), np.full(200, 700.0)
    calm = engine.geared_rpm(speed, gears, np.full(200, 1900.0), idle)
    hasty = engine.geared_rpm(speed, gears, np.full(200, 2900.0), idle)
    assert calm.min() >= 700
    assert hasty.mean() > calm.mean()


def test_oil_pressure_of_a_hot_healthy_engine_is_above_every_low_pressure_limit() -> None:
    assert engine.oil_pressure_kpa(an_array(1500), an_array(120)).item() > 270
    assert engine.oil_pressure_kpa(an_array(0), an_array(90)).item() == 0


@pytest.mark.parametrize(("fuel_kw", "speed_mps"), [(8, 0), (30, 12), (80, 33)])
def test_the_thermostat_holds_a_warm_engine_in_its_range(fuel_kw: float, speed_mps: float) -> None:
    coolant = an_array(20.0)
    for _ in range(5000):
        coolant = thermal.coolant_after(
            coolant,
            fuel_kw=an_array(fuel_kw),
            ambient_c=an_array(25),
            speed_mps=an_array(speed_mps),
            displacement_l=an_array(2.0),
            dt_s=1.0,
        )
    assert 86 <= coolant.item() <= 97


def test_a_leak_takes_a_warm_engine_past_120_degrees_in_about_its_time() -> None:
    coolant = an_array(90.0)
    for second in range(20):
        severity = an_array(min(second / 15, 1))
        coolant = thermal.leaking_coolant_after(coolant, severity=severity, reach_s=15.0, dt_s=1.0)
    assert 120 < coolant.item() < thermal.BOILING_C


def test_a_parked_engine_cools_to_the_air() -> None:
    minutes, days = thermal.cooled(an_array(90, 90), an_array(20, 20), an_array(600, 200_000))
    assert 75 < minutes < 90
    assert days == pytest.approx(20)
