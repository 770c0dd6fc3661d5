"""The rights that docs/security.md gives to each program, made on a broker exactly as they stand there."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.admin import CreateAclsRequest
from project_docs import ROOT

_ROW = re.compile(r"^\| `([a-z -]+)` \| ([A-Za-z, ]+) \| (topics|groups) (`[^|]*`) \|$", re.MULTILINE)
_RESOURCES = {"topics": 2, "groups": 3}
_OPERATIONS = {"Read": 3, "Write": 4, "Create": 5, "Describe": 8, "DescribeConfigs": 10}
_LITERAL, _ALLOW = 3, 3


class Right(NamedTuple):
    """One user may do one thing to one topic or group."""

    user: str
    operation: str
    kind: str
    name: str


def documented_rights() -> list[Right]:
    """Read the table; a user is the program's command with a hyphen for a space."""
    text = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    return [
        Right(user.replace(" ", "-"), operation.strip(), kind, name)
        for user, operations, kind, names in _ROW.findall(text)
        for operation in operations.split(",")
        for name in re.findall(r"`([^`]+)`", names)
    ]


async def give(rights: list[Right], **client: Any) -> None:
    """Grant users these rights on a broker."""
    admin = AIOKafkaAdminClient(**client)
    await admin.start()
    try:
        for user, operation, kind, name in rights:
            asked = CreateAclsRequest(
                _RESOURCES[kind], name, _LITERAL, f"User:{user}", "*", _OPERATIONS[operation], _ALLOW
            )
            answer = await admin._send_request(asked)
            assert [told[0] for told in answer.creation_responses] == [0], answer
    finally:
        await admin.close()
