"""Who reads in a consumer group: its members as the broker knows them, and what was assigned to each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment
from aiokafka.protocol.admin import DescribeGroupsRequest_v3, DescribeGroupsResponse_v3

from api.answers.pipeline import Worker

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from aiokafka.admin import AIOKafkaAdminClient

# aiokafka 0.14 reads the answer to its newest request by the form of the one before, and breaks the connection.
DescribeGroupsRequest_v3.RESPONSE_TYPE = DescribeGroupsResponse_v3


async def workers(admin: AIOKafkaAdminClient, groups: Sequence[str]) -> dict[str, list[Worker]]:
    """Give the members of groups; none of one that reads without joining, or that nobody reads in."""
    found: dict[str, list[Worker]] = {group: [] for group in groups}
    for answer in await admin.describe_consumer_groups(list(groups)):
        for _, group, _, kind, _, members, *_ in answer.groups:
            if kind == "consumer":
                found[group] = told(members)
    return found


def told(members: Iterable[Sequence[Any]]) -> list[Worker]:
    """Read members as a broker describes them, in the order of the first partition that each reads."""
    found = [
        Worker(
            client_id=client_id, member_id=member_id, host=host.removeprefix("/"), partitions=_partitions(assignment)
        )
        for member_id, client_id, host, _, assignment in members
    ]
    return sorted(found, key=lambda worker: (worker.partitions or [2**31], worker.member_id))


def _partitions(assignment: bytes) -> list[int]:
    """Give the partitions; none while the group is sharing them out."""
    if not assignment:
        return []
    return sorted({at.partition for at in ConsumerProtocolMemberAssignment.decode(assignment).partitions()})
