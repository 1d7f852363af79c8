"""Records the events of a group of deliveries and removes the deliveries from the inbox, in one transaction."""

import asyncio
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import asyncpg

from indexer.recording import recorder
from indexer.recording.decoding import Claim
from regdex import telemetry
from regdex.database import Connection, Pool
from regdex.events import Event
from regdex.store.catalog import gaps, senders
from regdex.store.queues import dead_letters, inbox

# Per transaction. A larger group is split between deliveries, a larger delivery within it.
MAX_EVENTS = 5_000
MAX_EVENTS_OF_ONE = 1_000
CONFLICT_ATTEMPTS = 4


class Fenced(Exception):
    """Another worker has claimed one of the deliveries meanwhile, so this transaction is rolled back."""


def grouped(claims: Sequence[Claim]) -> Iterator[list[Claim]]:
    """Yield groups of claims, each small enough for one transaction."""
    group: list[Claim] = []
    events = 0
    for claim in claims:
        size = len(claim.decoded.events)
        if group and (events + size > MAX_EVENTS or size > MAX_EVENTS_OF_ONE):
            yield group
            group, events = [], 0
        group.append(claim)
        events += size
        if size > MAX_EVENTS_OF_ONE:
            yield group
            group, events = [], 0
    if group:
        yield group


class Settlement:
    """Settles groups of claims. Pulls older than `retention_days` are not counted."""

    def __init__(self, db: Pool, retention_days: int) -> None:
        self._db = db
        self._retention_days = retention_days
        self._known_instances: set[tuple[int, str]] = set()

    async def settle(self, group: Sequence[Claim]) -> None:
        """Record a group. Retries deadlocks and serialization failures; raises Fenced, or the error of recording."""
        for attempt in range(1, CONFLICT_ATTEMPTS + 1):
            try:
                await self._settle(group)
            except (asyncpg.DeadlockDetectedError, asyncpg.SerializationError):
                if attempt == CONFLICT_ATTEMPTS:
                    raise
                await asyncio.sleep(random.uniform(0.01, 0.05) * attempt)  # noqa: S311 - jitter
            else:
                break
        _count(group)

    async def _settle(self, group: Sequence[Claim]) -> None:
        events: dict[int, list[Event]] = {}
        for claim in group:
            events.setdefault(claim.registry_id, []).extend(claim.decoded.events)
        if len(group) == 1:
            # Recording is idempotent: several transactions end in the same rows as one.
            registry_id, rest = group[0].registry_id, events[group[0].registry_id]
            while len(rest) > MAX_EVENTS_OF_ONE:
                chunk, rest = rest[:MAX_EVENTS_OF_ONE], rest[MAX_EVENTS_OF_ONE:]
                async with self._db.acquire() as conn, conn.transaction():
                    await recorder.record_events(conn, registry_id, chunk, retention_days=self._retention_days)
            events[registry_id] = rest
        async with self._db.acquire() as conn, conn.transaction():
            # The removal comes first, because it locks the rows: other workers skip them from here on.
            await _remove(conn, group)
            noted = await self._note_instances(conn, group)
            for registry_id, of_registry in sorted(events.items()):
                if of_registry:
                    await recorder.record_events(conn, registry_id, of_registry, retention_days=self._retention_days)
        self._known_instances |= noted

    async def _note_instances(self, conn: Connection, group: Sequence[Claim]) -> set[tuple[int, str]]:
        named = {(claim.registry_id, claim.decoded.instance) for claim in group if claim.decoded.instance}
        new = named - self._known_instances
        for registry_id in sorted({registry_id for registry_id, _ in new}):
            instances = sorted(name for id, name in new if id == registry_id)
            heard_at = await senders.add_instances(conn, registry_id, instances)
            if heard_at is not None:
                await gaps.note_lost_events(conn, [registry_id], reason="registry_restarted", since=heard_at)
        return new


async def _remove(conn: Connection, group: Sequence[Claim]) -> None:
    recorded = [claim for claim in group if not claim.reason]
    buried = [claim for claim in group if claim.reason]
    removed = 0
    if recorded:
        removed += await inbox.delete_deliveries(
            conn, [claim.id for claim in recorded], [claim.attempts for claim in recorded]
        )
    if buried:
        removed += await dead_letters.bury_deliveries(
            conn,
            [claim.id for claim in buried],
            [claim.attempts for claim in buried],
            [claim.reason for claim in buried],
        )
    if removed != len(group):
        raise Fenced


def _count(group: Sequence[Claim]) -> None:
    now = datetime.now(UTC)
    kinds: Counter[str] = Counter()
    for claim in group:
        telemetry.RECORDER_LAG.observe(max(0.0, (now - claim.received_at).total_seconds()))
        kinds.update(type(event).__name__ for event in claim.decoded.events)
        kinds["ignored"] += claim.decoded.ignored
        kinds["rejected"] += len(claim.decoded.rejected)
        kinds["foreign_host"] += claim.decoded.foreign_hosts
        if claim.reason:
            telemetry.DEAD_LETTERS.labels(claim.registry).inc()
    for kind, count in kinds.items():
        telemetry.EVENTS.labels(kind).inc(count)
