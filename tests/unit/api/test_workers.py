"""What a broker tells of a group's members becomes workers and their partitions."""

from __future__ import annotations

from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment

from api.kafka.workers import told


def _assigned(*partitions: int) -> bytes:
    encoded: bytes = ConsumerProtocolMemberAssignment(0, [("vehicle-readings", list(partitions))], b"").encode()
    return encoded


def test_workers_stand_in_the_order_of_what_they_read() -> None:
    members = [
        ("b", "hot-path", "/10.0.0.2", b"", _assigned(7, 6)),
        ("a", "hot-path", "/10.0.0.1", b"", _assigned(1, 0)),
    ]
    assert [(one.host, one.partitions) for one in told(members)] == [("10.0.0.1", [0, 1]), ("10.0.0.2", [6, 7])]


def test_a_member_without_an_assignment_reads_nothing_and_comes_last() -> None:
    members = [("a", "hot-path", "/::1", b"", b""), ("b", "hot-path", "/::1", b"", _assigned(0))]
    assert [one.partitions for one in told(members)] == [[0], []]
