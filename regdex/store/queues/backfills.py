"""SQL of backfill runs, which read a registry in full: their request, lease, cursor, counts and end.

The repositories that a run has visited are in `regdex/store/queues/visits.py`, what it found missing in `sweeps.py`.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

from regdex.database import Connection, Database

_RUNS = """
        SELECT run.id, run.registry_id, registry.name AS registry, run.state, run.force,
               run.requested_at, run.started_at, run.finished_at, run.repository_total, run.repository_count,
               run.tag_count, run.manifest_count, run.request_count, run.error_count, run.swept_count, run.message
          FROM backfill AS run
          JOIN registry ON registry.id = run.registry_id"""


@dataclass(slots=True)
class Progress:
    """Counts of a run, named as the columns are; `manifest_count` counts fetched manifests."""

    repository_total: int = 0
    repository_count: int = 0
    tag_count: int = 0
    manifest_count: int = 0
    request_count: int = 0
    error_count: int = 0
    swept_count: int = 0


async def request_backfill(db: Database, registry_id: int, *, force: bool) -> asyncpg.Record:
    """Return the registry's open run, or insert one; `force` also applies to a run that is already open."""
    row = await db.fetchrow(
        """
        WITH run AS (
            INSERT INTO backfill (registry_id, force)
            VALUES ($1, $2)
                ON CONFLICT (registry_id) WHERE state IN ('waiting', 'running') DO UPDATE
               SET force = backfill.force OR excluded.force
            RETURNING id, registry_id, state, force, requested_at, started_at, finished_at, repository_total,
                      repository_count, tag_count, manifest_count, request_count, error_count, swept_count, message
        )
        SELECT run.id, registry.name AS registry, run.state, run.force, run.requested_at, run.started_at,
               run.finished_at, run.repository_total, run.repository_count, run.tag_count, run.manifest_count,
               run.request_count, run.error_count, run.swept_count, run.message,
               pg_notify('regdex_backfill', '') AS notified
          FROM run
          JOIN registry ON registry.id = run.registry_id
        """,
        registry_id,
        force,
    )
    assert row is not None  # noqa: S101 - an upsert returns its row
    return row


async def get_backfill(db: Database, backfill_id: int) -> asyncpg.Record | None:
    return await db.fetchrow(
        _RUNS + " WHERE run.id = $1",
        backfill_id,
    )


async def get_last_backfill(db: Database, registry: str) -> asyncpg.Record | None:
    """Return the newest run of a registry, in any state."""
    return await db.fetchrow(
        _RUNS + " WHERE registry.name = $1 ORDER BY run.id DESC LIMIT 1",
        registry,
    )


async def list_backfills(db: Database, backfill_ids: Sequence[int]) -> list[asyncpg.Record]:
    """Return the runs with these ids and all runs that are waiting or running."""
    return await db.fetch(
        _RUNS + " WHERE run.id = ANY($1::bigint[]) OR run.state IN ('waiting', 'running') ORDER BY run.id",
        backfill_ids,
    )


async def claim_backfill(
    db: Database, registries: Sequence[str], *, lease: uuid.UUID, lease_seconds: float
) -> asyncpg.Record | None:
    """Claim the oldest run that waits or whose lease has expired, of the given registries that are not paused."""
    return await db.fetchrow(
        """
        WITH due AS (
            SELECT run.id
              FROM backfill AS run
              JOIN registry ON registry.id = run.registry_id
             WHERE run.state IN ('waiting', 'running')
               AND (run.leased_until IS NULL OR run.leased_until < now())
               AND registry.name = ANY($1::text[])
               AND NOT registry.paused
             ORDER BY run.id
             LIMIT 1
               FOR UPDATE OF run SKIP LOCKED
        )
        UPDATE backfill AS run
           SET state = 'running',
               started_at = coalesce(run.started_at, now()),
               lease = $2,
               leased_until = now() + make_interval(secs => $3)
          FROM due, registry
         WHERE run.id = due.id AND registry.id = run.registry_id
        RETURNING run.id, run.registry_id, registry.name AS registry, run.started_at, run.lease, run.cursor,
                  run.request_count, registry.referrers_supported, registry.untagged_manifests = 'vanish' AS vanishes,
                  registry.reconciled_at IS NOT NULL AS is_reconcile,
                  registry.deeply_read_at IS NULL
                  OR registry.deeply_read_at < now() - interval '7 days'
                  OR EXISTS (SELECT FROM gap
                              WHERE gap.registry_id = registry.id AND gap.subject = 'deletes' AND gap.until IS NULL
                                AND gap.since >= registry.deeply_read_at) AS is_deep
        """,
        list(registries),
        lease,
        lease_seconds,
    )


async def save_progress(
    db: Database,
    backfill_id: int,
    *,
    lease: uuid.UUID,
    lease_seconds: float,
    progress: Progress,
    message: str = "",
    cursor: dict[str, Any] | None = None,
) -> bool:
    """Store counts, message and (if given) cursor, and renew the lease; return False if another process holds it."""
    found = await db.fetchval(
        """
        UPDATE backfill
           SET cursor = coalesce($3, cursor),
               leased_until = now() + make_interval(secs => $4),
               repository_total = $5,
               repository_count = $6,
               tag_count = $7,
               manifest_count = $8,
               request_count = $9,
               error_count = $10,
               swept_count = $11,
               message = $12
         WHERE id = $1 AND lease = $2 AND state = 'running'
        RETURNING id
        """,
        backfill_id,
        lease,
        cursor,
        lease_seconds,
        progress.repository_total,
        progress.repository_count,
        progress.tag_count,
        progress.manifest_count,
        progress.request_count,
        progress.error_count,
        progress.swept_count,
        message,
    )
    return found is not None


async def release_backfill(db: Database, backfill_id: int, *, lease: uuid.UUID) -> None:
    """End the lease now, so that another process can continue the run."""
    await db.execute("UPDATE backfill SET leased_until = NULL WHERE id = $1 AND lease = $2", backfill_id, lease)


async def is_forced(db: Database, backfill_id: int) -> bool:
    """Return whether the limit on how much a run may sweep is overridden now."""
    forced: bool = await db.fetchval("SELECT force FROM backfill WHERE id = $1", backfill_id)
    return forced


async def is_recent(db: Database, backfill_id: int, *, seconds: float) -> bool:
    """Return whether the run started less than `seconds` ago."""
    recent: bool = await db.fetchval(
        "SELECT started_at > now() - make_interval(secs => $2) FROM backfill WHERE id = $1", backfill_id, seconds
    )
    return recent


async def finish_backfill(
    conn: Connection, backfill_id: int, *, lease: uuid.UUID, state: str, message: str
) -> asyncpg.Record | None:
    """End the run; return None if another process holds its lease."""
    return await conn.fetchrow(
        """
        UPDATE backfill
           SET state = $3, message = $4, finished_at = now(), leased_until = NULL, cursor = '{}'
         WHERE id = $1 AND lease = $2 AND state = 'running'
        RETURNING registry_id, started_at
        """,
        backfill_id,
        lease,
        state,
        message,
    )


async def mark_reconciled(conn: Connection, backfill_id: int, *, is_deep: bool) -> None:
    """Record that the catalog agrees with the registry as of the start of this run."""
    await conn.execute(
        """
        UPDATE registry
           SET reconciled_at = run.started_at,
               deeply_read_at = CASE WHEN $2 THEN run.started_at ELSE registry.deeply_read_at END
          FROM backfill AS run
         WHERE run.id = $1 AND registry.id = run.registry_id
        """,
        backfill_id,
        is_deep,
    )
