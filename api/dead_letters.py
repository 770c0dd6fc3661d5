"""Rejected readings in Kafka: fetched by their place, and sent again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fastapi.concurrency import run_in_threadpool

from api.answers.rejected import RecordName, Refusal, RejectedRecord, Replay, Replayed
from api.errors import Unknown
from api.queries.rejected import RejectedFilter, rejected_readings, times_rejected
from api.replay import refusal, resent
from contracts.errors import MalformedRecord
from contracts.record_checks import rejection_in
from contracts.topics import REJECTED_READINGS
from contracts.vehicle import VIN

if TYPE_CHECKING:
    from api.kafka.producer import KafkaWriter, Outgoing
    from api.kafka.reader import TopicReader
    from api.store.database import Store
    from contracts.record import Record

_EXPIRED: Final = "it has expired in Kafka, or never was there"


class DeadLetters:
    """What stands in rejected-readings."""

    def __init__(self, store: Store, reader: TopicReader, writer: KafkaWriter) -> None:
        """Prepare."""
        self._store = store
        self._reader = reader
        self._writer = writer

    async def whole(self, name: RecordName, holder: str) -> RejectedRecord:
        """Give one with its bytes to who asks. Raises Unknown."""
        record = await self._fetched(name, holder)
        if record is None:
            place = f"rejected-readings [{name.partition}] {name.offset}"
            raise Unknown(f"there is no record at {place} (any more); /v1/rejected-readings lists them")
        try:
            story, value = rejection_in(record, None), record.value or b""
        except MalformedRecord as error:
            raise Unknown(
                f"rejected-readings [{name.partition}] {name.offset} is no rejected reading: {error}"
            ) from error
        return RejectedRecord(
            partition=name.partition,
            offset=name.offset,
            reason=story.reason,
            detail=story.detail,
            key=(record.key or b"").decode("utf-8", "replace"),
            value=value.decode("utf-8", "replace"),
            length=story.length,
            sha256=story.sha256,
            records=story.number,
        )

    async def replayed(self, asked: Replay, holder: str) -> Replayed:
        """Send again what was asked for, as far as that is allowed. Raises Unavailable; then nothing may be sent."""
        named = asked.records if asked.records is not None else await run_in_threadpool(self._latest, asked)
        sent: list[Outgoing] = []
        refused: list[Refusal] = []
        for name in named:
            outcome = await self._prepared(name, holder, force=asked.force)
            if isinstance(outcome, str):
                refused.append(Refusal(partition=name.partition, offset=name.offset, why=outcome))
            else:
                sent.append(outcome)
        if sent:
            await self._writer.write(sent)
        return Replayed(replayed=len(sent), refused=refused)

    async def _fetched(self, name: RecordName, holder: str) -> Record | None:
        if name.partition >= REJECTED_READINGS.partitions:
            return None
        return await self._reader.at(REJECTED_READINGS.name, name.partition, name.offset, holder=holder)

    def _latest(self, asked: Replay) -> list[RecordName]:
        wanted = RejectedFilter(asked.reason, asked.vehicle_id)
        with self._store.snapshot() as connection:
            rows = rejected_readings(connection, wanted, after=None, limit=asked.most)
        return [RecordName(partition=row.partition, offset=row.record_offset) for row in rows]

    def _times(self, sha256: str, key: bytes) -> int:
        vin = key[:64].decode("ascii", "replace")
        with self._store.snapshot() as connection:
            return max(1, times_rejected(connection, sha256, vin if VIN.fullmatch(vin) else None))

    async def _prepared(self, name: RecordName, holder: str, *, force: bool) -> Outgoing | str:
        record = await self._fetched(name, holder)
        if record is None:
            return _EXPIRED
        try:
            story = rejection_in(record, None)
        except MalformedRecord as error:
            return str(error)
        key, value = record.key or b"", record.value or b""
        times = await run_in_threadpool(self._times, story.sha256, key)
        if (why := refusal(story, kept_bytes=len(value), times=times, force=force)) is not None:
            return why
        return resent(key, value, times=times, origin=f"{REJECTED_READINGS.name}/{name.partition}/{name.offset}")
