from __future__ import annotations

from cold_path.source.registry import folded
from contracts.codec import encode
from contracts.record import Record
from contracts.topics import VEHICLES
from contracts.vehicle import Vehicle

CAR, OTHER = b"1HGCM82633A004352", b"1HGCM82633A004353"


def a_vehicle(vehicle_id: bytes, model: str = "Accord") -> bytes:
    return encode(Vehicle(vehicle_id.decode(), "Honda", model, 2003, "north"))


def records(*given: tuple[bytes | None, bytes | None]) -> list[Record]:
    return [Record(VEHICLES.name, 0, offset, 0, key, value) for offset, (key, value) in enumerate(given)]


def test_the_last_word_on_a_vehicle_holds() -> None:
    registry = folded(records((CAR, a_vehicle(CAR)), (OTHER, a_vehicle(OTHER)), (CAR, a_vehicle(CAR, "Civic"))), 3)
    assert {vin: vehicle.model for vin, vehicle in registry.vehicles.items()} == {
        CAR.decode(): "Civic",
        OTHER.decode(): "Accord",
    }
    assert registry.next_offset == 3


def test_a_vehicle_without_a_value_is_gone() -> None:
    assert folded(records((CAR, a_vehicle(CAR)), (CAR, None)), 2).vehicles == {}


def test_a_record_that_does_not_decode_harms_no_other() -> None:
    registry = folded(records((CAR, b"{}"), (None, b"x"), (OTHER, a_vehicle(OTHER))), 3)
    assert set(registry.vehicles) == {OTHER.decode()}


def test_impossible_physics_is_unknown_and_the_vehicle_stays() -> None:
    odd = Vehicle(CAR.decode(), "Honda", "Civic", 2003, "north", mass_kg=0.0, placard_kpa=-1.0, tank_l=50.0)
    vehicle = folded(records((CAR, encode(odd))), 1).vehicles[CAR.decode()]
    assert (vehicle.model, vehicle.fleet, vehicle.tank_l) == ("Civic", "north", 50.0)
    assert (vehicle.mass_kg, vehicle.placard_kpa) == (None, None)
