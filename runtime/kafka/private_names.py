"""The private names of aiokafka that bounded reading is built on; aiokafka is pinned exactly, and a test looks."""

from __future__ import annotations

from collections.abc import Iterable

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.consumer import fetcher
from aiokafka.record import default_records

Names = Iterable[tuple[type, str]]
"""Class, and names of it, parted by spaces."""

USED_NAMES: tuple[tuple[type, str], ...] = (
    (fetcher.PartitionRecords, "_unpack_records _consume_aborted_up_to _contains_abort_marker"),
    (AIOKafkaAdminClient, "_send_request"),
    (default_records._DefaultRecordBatchPy, "_read_msg"),  # noqa: SLF001 - guarded here
)
"""Names that are overridden or called."""

USED_VARIABLES: tuple[tuple[type, str], ...] = (
    (fetcher.PartitionRecords, "_tp _records _check_crcs _value_deserializer next_fetch_offset"),
    (fetcher.PartitionRecords, "_aborted_transactions _aborted_producers"),
    (default_records._DefaultRecordBatchPy, "_buffer _pos _num_records"),  # noqa: SLF001 - guarded here
)
"""Instance variables that the class's methods must still use."""


def missing_names(used_names: Names = USED_NAMES, used_variables: Names = USED_VARIABLES) -> list[str]:
    """Return the private names that are used and do not exist, as `Class.name`."""
    methods = [(kind, name) for kind, names in used_names for name in names.split() if not hasattr(kind, name)]
    variables = [(kind, name) for kind, names in used_variables for name in names.split() if not _is_used(kind, name)]
    return [f"{kind.__name__}.{name}" for kind, name in methods + variables]


def _is_used(kind: type, variable: str) -> bool:
    """Return whether a method of the class, or of one that it is made of, reads or sets the instance variable."""
    members = (member for one in kind.__mro__ for member in vars(one).values())
    codes = (getattr(member, "__code__", None) for member in members)
    return any(variable in code.co_names for code in codes if code is not None)
