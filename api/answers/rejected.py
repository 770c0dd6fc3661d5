"""Rejected readings as the API answers them, and what it is asked to send again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

if TYPE_CHECKING:
    from sqlalchemy import Row

_MOST: int = 1_000


class RejectedAnswer(BaseModel):
    """One rejected record, or many told together: why, where it stood, and where it stands in `rejected-readings`."""

    partition: int = Field(description="of rejected-readings, with `offset`: what a replay names it by")
    offset: int
    reason: str
    detail: str
    vehicle_id: str | None = Field(description="the key, where it is a VIN")
    received_at_ms: int
    length: int = Field(description="bytes of the whole record")
    source_topic: str
    source_partition: int
    source_offset: int
    records: int = Field(description="how many rejected records it stands for; of more than one the bytes are not kept")

    @classmethod
    def of(cls, row: Row[Any]) -> Self:
        """Make it from a row of the store."""
        fields = dict(row._mapping)  # noqa: SLF001 - the public name of it, despite the underscore
        return cls(
            offset=fields.pop("record_offset"), **{name: fields[name] for name in cls.model_fields if name in fields}
        )


class RejectedPage(BaseModel):
    """Rejected readings, the latest received first."""

    rejected: list[RejectedAnswer]
    next_cursor: str | None


class RejectedRecord(BaseModel):
    """One rejected record with its bytes."""

    partition: int
    offset: int
    reason: str
    detail: str
    key: str
    value: str = Field(description="the first 64 KiB as text; what is no UTF-8 is replaced")
    length: int
    sha256: str
    records: int = Field(description="how many rejected records it stands for")


class RecordName(BaseModel):
    """A place in rejected-readings."""

    model_config = ConfigDict(extra="forbid")

    partition: Annotated[int, Field(ge=0, le=2**31 - 1)]
    offset: Annotated[int, Field(ge=0, le=2**53)]


class Replay(BaseModel):
    """Which to send again: named ones, or the latest of a reason or vehicle."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"records": [{"partition": 0, "offset": 17}]}]}
    )

    records: Annotated[list[RecordName], Field(max_length=_MOST)] | None = None
    reason: Annotated[str, Field(max_length=50, pattern=r"^[^\x00]*$")] | None = None
    vehicle_id: Annotated[str, Field(pattern="^[A-HJ-NPR-Z0-9]{17}$")] | None = None
    most: int = Field(default=100, ge=1, le=_MOST, description="how many, where none are named")
    force: bool = Field(default=False, description="also those whose judgement depends on time, or that failed often")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.records is None) == (self.reason is None and self.vehicle_id is None):
            raise ValueError("give either `records`, or `reason` or `vehicle_id` or both")
        return self


class Refusal(BaseModel):
    """One that was not sent again, and why."""

    partition: int
    offset: int
    why: str


class Replayed(BaseModel):
    """What a replay did."""

    replayed: int
    refused: list[Refusal]
