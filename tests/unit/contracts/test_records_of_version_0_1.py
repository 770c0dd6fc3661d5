from __future__ import annotations

from contracts.alert import Alert
from contracts.codec import decode
from contracts.vehicle_state import Mark, VehicleState
from rules import default_rules_file, load_rules
from rules.partition import PartitionFold
from rules.rule import FOLD_VERSION
from rules.written import restored

STATE = (
    b'{"offset":41,"partition":0,"received_at_ms":1795284000020,"newest":{"vehicle_id":"1HGCM82633A004352",'
    b'"sequence":120,"recorded_at_ms":1795284000000,"trip_started_at_ms":1795283880000,"trip_distance_m":1920,'
    b'"speed_kmh":60.0,"engine_rpm":2000.0,"trip_fuel_ml":120,"coolant_c":116.0,"battery_v":14.0,"trouble_codes":[]},'
    b'"newest_received_at_ms":1795284000020,"trips":[{"trip_started_at_ms":1795283880000,"distance_m":1920,'
    b'"ended_at_ms":1795284000000,"fuel_ml":120}],"episodes":[{"key":"coolant_over_temperature","phase":"open",'
    b'"trip_started_at_ms":1795283880000,"sequence":100,"since_ms":1795283980000,"seen_at_ms":1795284000000,'
    b'"change":1,"severity":"critical","raised_at_ms":1795283985000,"evidence":{"coolant_c":116.0},'
    b'"worst":{"coolant_c":116.0},"worst_excess":6.0,"trouble_code":"P0217"}],"samples":[[1795283880000,0,0,92.0]],'
    b'"sample_due_ms":1795284010000}'
)
MARK = b'{"partition":0,"next_offset":42,"received_at_ms":1795284000020,"rules_hash":"69668d798af2a568"}'
ALERT = (
    b'{"alert_id":"5f0b8a0e-6f0c-5f7c-9a39-0f7f6a7f7a01","change":1,"vehicle_id":"1HGCM82633A004352",'
    b'"rule":"coolant_over_temperature","rules_hash":"69668d798af2a568","severity":"critical","state":"raised",'
    b'"raised_at_ms":1795283985000,"changed_at_ms":1795283985000,"received_at_ms":1795283985020,"partition":0,'
    b'"offset":25,"message":"Coolant at 116 \xc2\xb0C: stop and let the engine cool","trouble_code":"P0217"}'
)


def test_alerts_that_version_0_1_wrote_are_of_the_first_version_of_the_fold() -> None:
    assert decode(ALERT, Alert).fold_version == 1


def test_a_partition_goes_on_from_what_version_0_1_wrote() -> None:
    states, mark = restored([(b"1HGCM82633A004352", STATE), (b"mark:0", MARK)])
    rules = load_rules(default_rules_file())
    fold = PartitionFold(0, rules, registry={}, states=states, mark=mark)
    [state] = fold.states.values()
    assert (state.refused_hour, state.apart, state.work_us) == (None, None, 0)
    cool = decode(STATE, VehicleState).newest
    cool.sequence, cool.recorded_at_ms, cool.coolant_c = 121, cool.recorded_at_ms + 1_000, 90.0
    later = decode(STATE, VehicleState).newest
    later.sequence, later.recorded_at_ms, later.coolant_c = 131, cool.recorded_at_ms + 10_000, 90.0
    told = [*fold.fold(cool, 42, cool.recorded_at_ms), *fold.fold(later, 43, later.recorded_at_ms)]
    assert [(alert.rule, alert.state, alert.fold_version) for alert in told] == [
        ("coolant_over_temperature", "cleared", FOLD_VERSION)
    ]
    assert decode(fold.mark(44)[1], Mark).since_offset == 42
