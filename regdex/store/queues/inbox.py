"""SQL of the inbox: deliveries that are received and not recorded yet.

A delivery is claimed before it is recorded: the claim increments `attempts` and moves `next_attempt_at` ahead by the
lease, and commits. The number of the attempt identifies the claim: after another process has claimed the delivery, the
number differs, and statements of the first process no longer match the row.
"""

from collections.abc import Sequence

import asyncpg

from regdex.database import Connection, Database


async def store_deliveries(
    db: Database, registry_ids: Sequence[int], headers: Sequence[str], bodies: Sequence[bytes]
) -> None:
    """Append deliveries in this order, in one transaction, and notify the workers; `headers` are JSON objects."""
    await db.execute(
        """
        WITH stored AS (
            INSERT INTO inbox (registry_id, headers, body)
            SELECT delivery.registry_id, delivery.headers::jsonb, delivery.body
              FROM unnest($1::bigint[], $2::text[], $3::bytea[]) AS delivery (registry_id, headers, body)
        )
        SELECT pg_notify('regdex_inbox', '')
        """,
        registry_ids,
        headers,
        bodies,
    )


async def claim_deliveries(db: Database, *, limit: int, max_bytes: int, lease_seconds: float) -> list[asyncpg.Record]:
    """Claim deliveries never tried before, oldest first: up to `limit`, and up to `max_bytes` after the first one."""
    return await db.fetch(
        """
        WITH due AS MATERIALIZED (
            SELECT id, octet_length(body) AS bytes
              FROM inbox
             WHERE attempts = 0 AND next_attempt_at <= now()
             ORDER BY id
             LIMIT $1
               FOR UPDATE SKIP LOCKED
        ), fitting AS (
            SELECT id, sum(bytes) OVER (ORDER BY id) - bytes AS bytes_before
              FROM due
        )
        UPDATE inbox
           SET attempts = inbox.attempts + 1, next_attempt_at = clock_timestamp() + make_interval(secs => $3)
          FROM fitting
         WHERE inbox.id = fitting.id AND fitting.bytes_before < $2
        RETURNING inbox.id, inbox.registry_id, inbox.received_at, inbox.attempts, inbox.headers, inbox.body
        """,
        limit,
        max_bytes,
        lease_seconds,
    )


async def claim_suspect(db: Database, *, lease_seconds: float) -> asyncpg.Record | None:
    """Claim the longest due delivery whose earlier attempt failed or was killed."""
    return await db.fetchrow(
        """
        UPDATE inbox
           SET attempts = attempts + 1, next_attempt_at = clock_timestamp() + make_interval(secs => $1)
         WHERE id = (
                SELECT id
                  FROM inbox
                 WHERE attempts > 0 AND next_attempt_at <= now()
                 ORDER BY next_attempt_at, id
                 LIMIT 1
                   FOR UPDATE SKIP LOCKED
               )
        RETURNING id, registry_id, received_at, attempts, headers, body
        """,
        lease_seconds,
    )


async def delete_deliveries(conn: Connection, ids: Sequence[int], attempts: Sequence[int]) -> int:
    """Delete recorded deliveries whose claims still hold; return how many were deleted."""
    done: int = await conn.fetchval(
        """
        WITH gone AS (
            DELETE FROM inbox
             USING unnest($1::bigint[], $2::integer[]) AS claim (id, attempts)
             WHERE inbox.id = claim.id AND inbox.attempts = claim.attempts
            RETURNING inbox.id
        )
        SELECT count(*) FROM gone
        """,
        ids,
        attempts,
    )
    return done


async def release_deliveries(
    db: Database, ids: Sequence[int], attempts: Sequence[int], *, delay_seconds: float, refund: bool
) -> None:
    """End claims that still hold before their lease does; `refund` the attempt if the delivery was not the cause."""
    await db.execute(
        """
        UPDATE inbox
           SET attempts = inbox.attempts - $4::boolean::integer,
               next_attempt_at = clock_timestamp() + make_interval(secs => $3)
          FROM unnest($1::bigint[], $2::integer[]) AS claim (id, attempts)
         WHERE inbox.id = claim.id AND inbox.attempts = claim.attempts
        """,
        ids,
        attempts,
        delay_seconds,
        refund,
    )


async def measure_inbox(db: Database, *, limit: int) -> asyncpg.Record:
    """Return `waiting`, counted up to `limit`, and `age_seconds` of the oldest delivery, 0 if there is none."""
    row = await db.fetchrow(
        """
        SELECT (SELECT count(*) FROM (SELECT 1 FROM inbox LIMIT $1) AS counted) AS waiting,
               coalesce((
                   SELECT extract(epoch FROM clock_timestamp() - received_at)::double precision
                     FROM inbox
                    ORDER BY id
                    LIMIT 1
               ), 0) AS age_seconds
        """,
        limit,
    )
    assert row is not None  # noqa: S101 - a SELECT without FROM is one row
    return row
