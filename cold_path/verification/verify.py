"""The command `cold-path verify`: read the store once, recompute from the raw records, compare."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from cold_path.source import broker
from cold_path.verification.alerts import AlertComparison, Pair, heard, in_history
from cold_path.verification.alerts import compared as alerts_compared
from cold_path.verification.comparison import compared
from cold_path.verification.continued import continued_history
from cold_path.verification.published import published_trips
from cold_path.verification.ranking import answered, ranking_compared
from cold_path.verification.report import Report
from cold_path.verification.snapshot import read_snapshot
from cold_path.verification.totals import Recomputation
from cold_path.verification.uncommitted import CommittedOffsets, uncommitted_rows
from contracts.errors import InvalidInput, Unavailable

if TYPE_CHECKING:
    from cold_path.settings import Verify
    from cold_path.source.offsets import Bounds, Offsets
    from cold_path.verification.snapshot import Snapshot

_BETWEEN_LOOKS_S: Final = 0.5


async def verify(asked: Verify) -> Report:
    """Compare the store with the records up to the offsets that it claims to have reached.

    Raises Unavailable without a broker, without anything in the store, or while a transaction is open below what the
    store has reached; InvalidInput when the topic's beginning has expired or its end lies below that.
    """
    snapshot = _snapshot(asked.store, asked.wait)
    answer = None
    if asked.api is not None:
        key = None if asked.api_key is None else asked.api_key.get_secret_value()
        snapshot, answer = answered(asked.api, key, lambda: read_snapshot(asked.store), wait_s=asked.wait)
    reached = snapshot.reached
    _refuse_other_records(await broker.bounds(asked.bootstrap, asked.readings_topic, wait_s=asked.wait), reached)
    recomputation, committed = Recomputation(), CommittedOffsets()
    async for record in broker.readings(asked.bootstrap, asked.readings_topic, reached, wait_s=asked.wait):
        recomputation.add(record.value, partition=record.partition, received_at_ms=record.at_ms)
        committed.add(record.partition, record.offset)
    version = snapshot.manifest.version if snapshot.manifest else None
    alerts, alerts_held = await _alerts(asked, snapshot)
    files = published_trips(asked.views, version) if version is not None else None
    return Report(
        comparison=compared(snapshot.trips, recomputation.trips),
        offsets=reached,
        records=recomputation.records,
        rejected=recomputation.rejected,
        version=version,
        files_equal=files == snapshot.batch if files is not None else None,
        alerts=alerts,
        alerts_held=alerts_held,
        uncommitted=uncommitted_rows(
            asked.lake, committed, topic=asked.readings_topic, covered=snapshot.covered, reached=reached
        ),
        ranking=None if answer is None else ranking_compared(answer, recomputation.trips),
    )


async def _alerts(asked: Verify, snapshot: Snapshot) -> tuple[AlertComparison | None, Offsets]:
    """Compare the alerts of the readings that the version covers and that the hot path has written a mark behind.

    Left out are the partitions whose alerts an open transaction holds, given by the offset from which it does.
    """
    manifest = snapshot.manifest
    if manifest is None:
        return None, {}
    pair = Pair(manifest.rules_hash, manifest.fold_version)
    history = in_history(asked.views, manifest.version, pair)
    if history is None:
        return None, {}
    bounds = await broker.bounds(asked.bootstrap, asked.alerts_topic, wait_s=asked.wait)
    both = {
        int(partition): min(offset, snapshot.marks.get(int(partition), 0))
        for partition, offset in manifest.covered_offsets.items()
        if int(partition) not in bounds.held
    }
    spans = {
        at: (judged.since_offset, both[at])
        for at, judged in snapshot.judged.items()
        if judged.pair == pair and judged.since_offset < both.get(at, 0)
    }
    later = {at: span for at, span in spans.items() if span[0] > 0}
    continued = await continued_history(asked, pair, later)
    spans = {at: span for at, span in spans.items() if at not in later or at in continued.partitions}
    history = {at: event for at, event in history.items() if event.partition not in later} | continued.events
    records = broker.records(asked.bootstrap, asked.alerts_topic, bounds.ends, wait_s=asked.wait)
    written = [record async for record in records]
    readings = await broker.bounds(asked.bootstrap, asked.readings_topic, wait_s=asked.wait)
    hot = heard(written, readings.ends | readings.held)
    found = alerts_compared(hot, history, spans=spans, pair=pair)
    return replace(found, readings=sum(both.values())), bounds.held_from


def _snapshot(store: str, wait_s: float) -> Snapshot:
    until = time.monotonic() + wait_s
    while (snapshot := read_snapshot(store)).is_empty:
        if time.monotonic() >= until:
            raise Unavailable(
                f"the store {store} holds neither marks nor a version after {wait_s:g} s; "
                "are `hot-path run`, `cold-path run` and `api projector` running, and is it the right --store?"
            )
        time.sleep(_BETWEEN_LOOKS_S)
    return snapshot


def _refuse_other_records(bounds: Bounds, reached: Offsets) -> None:
    for partition, offset in sorted(reached.items()):
        if bounds.beginnings.get(partition, 0) > 0 and offset > 0:
            raise InvalidInput(
                f"partition {partition} begins at offset {bounds.beginnings[partition]}: the records before have "
                "expired, so the totals cannot be recomputed from them"
            )
        end = bounds.high_watermark(partition) or 0
        if end < offset:
            raise InvalidInput(
                f"the store has reached offset {offset} of partition {partition}, but the broker's ends at {end}: "
                "they do not belong together; check --bootstrap and --store"
            )
        if bounds.ends[partition] < offset:
            raise Unavailable(
                f"a transaction is open in partition {partition} from offset {bounds.ends[partition]} on, below offset "
                f"{offset} that the store has reached: whether its records count is not decided; verify again when it "
                "has ended (`kafka-transactions.sh find-hanging` finds one that does not end)"
            )
