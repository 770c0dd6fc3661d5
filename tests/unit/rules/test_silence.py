from __future__ import annotations

from driving import START_MS, VIN, Drive, a_reading

T_MS = 120_000
LAST_HEARD_MS = START_MS + 20


def test_silence_is_raised_by_a_later_record_of_the_partition() -> None:
    drive = Drive()
    drive.read(a_reading(0))
    assert drive.fold.advance(LAST_HEARD_MS + T_MS - 1) == []
    (raised,) = drive.fold.advance(LAST_HEARD_MS + T_MS + 1_000)
    assert raised.rule == "telematics_silence"
    assert raised.raised_at_ms == LAST_HEARD_MS + T_MS
    assert raised.timed


def test_silence_is_raised_at_the_end_of_the_partition_by_the_time_of_day() -> None:
    drive = Drive()
    drive.read(a_reading(0))
    (raised,) = drive.fold.at_end(LAST_HEARD_MS + T_MS + 5_000)
    assert raised.raised_at_ms == LAST_HEARD_MS + T_MS


def test_silence_found_by_its_own_next_reading_is_raised_and_cleared() -> None:
    found_late, found_early = Drive(), Drive()
    for drive in (found_late, found_early):
        drive.read(a_reading(0))
    found_early.alerts += found_early.fold.at_end(LAST_HEARD_MS + 2 * T_MS)
    for drive in (found_late, found_early):
        drive.read(a_reading(300))
    assert found_late.told() == [("telematics_silence", 1, "raised"), ("telematics_silence", 2, "cleared")]
    assert found_late.alerts == found_early.alerts
    assert found_late.alerts[1].clear_reason == "heard_again"


def test_an_ended_trip_is_never_silent() -> None:
    ended, standing = Drive(), Drive()
    ended.read(a_reading(0), a_reading(1, ignition_on=False))
    standing.read(a_reading(0), a_reading(1, engine_rpm=0.0, speed_kmh=0.0))
    for drive in (ended, standing):
        assert drive.fold.advance(LAST_HEARD_MS + 10 * T_MS) == []


def test_a_silent_car_is_told_of_once() -> None:
    drive = Drive()
    drive.read(a_reading(0))
    assert len(drive.fold.advance(LAST_HEARD_MS + 2 * T_MS)) == 1
    assert drive.fold.advance(LAST_HEARD_MS + 9 * T_MS) == []
    assert drive.fold.at_end(LAST_HEARD_MS + 19 * T_MS) == []


def test_a_car_heard_regularly_is_never_silent() -> None:
    drive = Drive()
    drive.read(*(a_reading(second) for second in range(0, 3_600, 60)))
    assert drive.alerts == []


def test_the_silent_state_is_written_so_that_a_restart_does_not_repeat_it() -> None:
    drive = Drive()
    drive.read(a_reading(0))
    drive.fold.drain(10)
    drive.fold.advance(LAST_HEARD_MS + 2 * T_MS)
    assert [followed.vehicle_id for followed in drive.fold.dirty] == [VIN]


def test_a_repeated_or_late_reading_is_no_sign_of_life() -> None:
    drive = Drive()
    drive.read(a_reading(0), a_reading(5))
    drive.fold.advance(LAST_HEARD_MS + 5_000 + T_MS)
    drive.read(a_reading(5), delay_ms=T_MS + 60_000)
    assert [alert.state for alert in drive.alerts] == []
    assert drive.fold.states[VIN].silent is not None


def test_each_silence_has_a_name_of_its_own() -> None:
    drive = Drive()
    drive.read(a_reading(0), a_reading(300), a_reading(1), a_reading(600), a_reading(2), a_reading(900))
    raised = [alert.alert_id for alert in drive.alerts if alert.state == "raised"]
    assert len(raised) == len(set(raised)) == 3
