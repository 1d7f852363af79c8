"""SQL of the fetch queue: manifests to fetch from their registry."""

from collections.abc import Sequence
from datetime import timedelta

import asyncpg

from regdex.database import Connection, Database


async def enqueue_fetches(
    conn: Connection, registry_id: int, manifests: Sequence[tuple[int, int, bool]], *, is_held: bool
) -> None:
    """Queue manifests to fetch, given as (repository id, digest id, whether it is new in the repository).

    Skips manifests whose content is stored, except indexes whose children were never checked in this repository. Skips
    manifests rejected within the last hour unless they are new here, as another registry may have rejected them.
    `is_held`: a client has just pushed or pulled them, so a pull-through cache need not fetch them from upstream. Only
    such manifests are queued for read mode `head`, and none for read mode `events`.
    """
    await conn.execute(
        """
        WITH wanted AS (
            SELECT DISTINCT repository_id, digest_id, is_new
              FROM unnest($2::bigint[], $3::bigint[], $4::boolean[]) AS named (repository_id, digest_id, is_new)
        ), added AS (
            INSERT INTO fetch_queue (registry_id, repository_id, digest_id)
            SELECT $1, w.repository_id, w.digest_id
              FROM wanted AS w
              JOIN registry AS g ON g.id = $1
              LEFT JOIN manifest AS m ON m.digest_id = w.digest_id
             WHERE (g.read_mode = 'full' OR (g.read_mode = 'head' AND $5))
               AND (m.digest_id IS NULL
                    OR (m.state IN ('incomplete', 'rejected')
                        AND (w.is_new OR m.fetched_at < now() - interval '1 hour'))
                    OR (g.read_mode = 'full' AND m.is_index AND has_unasked_children(w.repository_id, w.digest_id)))
             ORDER BY w.repository_id, w.digest_id
                ON CONFLICT (repository_id, digest_id) DO NOTHING
            RETURNING digest_id
        )
        SELECT pg_notify('regdex_fetch', '') WHERE EXISTS (SELECT FROM added)
        """,
        registry_id,
        *zip(*manifests, strict=True),
        is_held,
    )


async def claim_fetches(db: Database, registry_id: int, *, limit: int, lease: timedelta) -> list[asyncpg.Record]:
    """Claim due manifests of a registry for `lease`, oldest first; none while the registry is paused.

    `is_known` is true where nothing is left to fetch, because the content was stored in another way meanwhile.
    """
    return await db.fetch(
        """
        WITH due AS (
            SELECT f.repository_id, f.digest_id
              FROM fetch_queue AS f
             WHERE f.registry_id = $1
               AND f.next_attempt_at <= now()
               AND EXISTS (SELECT FROM registry AS g WHERE g.id = $1 AND NOT g.paused)
             ORDER BY f.next_attempt_at
             LIMIT $2
               FOR UPDATE SKIP LOCKED
        )
        UPDATE fetch_queue AS f
           SET next_attempt_at = now() + $3, attempts = f.attempts + 1
          FROM due
          JOIN repository AS r ON r.id = due.repository_id
          JOIN digest AS d ON d.id = due.digest_id
          JOIN registry AS g ON g.id = $1
          LEFT JOIN manifest AS m ON m.digest_id = due.digest_id AND m.state IN ('complete', 'unsupported')
         WHERE f.repository_id = due.repository_id
           AND f.digest_id = due.digest_id
        RETURNING f.repository_id, f.digest_id, f.attempts, r.name AS repository, d.algorithm, d.hash,
                  m.digest_id IS NOT NULL
                  AND NOT (g.read_mode = 'full' AND m.is_index
                           AND has_unasked_children(f.repository_id, f.digest_id)) AS is_known, g.read_mode
        """,
        registry_id,
        limit,
        lease,
    )


async def postpone_fetch(db: Database, repository_id: int, digest_id: int, delay: timedelta) -> None:
    """Return a claimed manifest to the queue, due after `delay`."""
    await db.execute(
        "UPDATE fetch_queue SET next_attempt_at = now() + $3 WHERE repository_id = $1 AND digest_id = $2",
        repository_id,
        digest_id,
        delay,
    )


async def delete_fetches(conn: Connection, repository_ids: Sequence[int], digest_ids: Sequence[int]) -> None:
    """Delete pairs of repository and digest that were fetched or given up."""
    await conn.execute(
        """
        DELETE FROM fetch_queue AS f
         USING unnest($1::bigint[], $2::bigint[]) AS done (repository_id, digest_id)
         WHERE f.repository_id = done.repository_id
           AND f.digest_id = done.digest_id
        """,
        repository_ids,
        digest_ids,
    )


async def count_waiting(db: Database) -> int:
    """Return the number of manifests in the fetch queue."""
    return int(await db.fetchval("SELECT count(*) FROM fetch_queue"))


async def list_registry_ids(db: Database, names: Sequence[str]) -> dict[str, int]:
    """Return ids by name; names that are not in the database are left out."""
    rows = await db.fetch("SELECT id, name FROM registry WHERE name = ANY ($1::text[])", names)
    return {row["name"]: row["id"] for row in rows}
