"""SQL of dead letters: deliveries that could not be recorded in full, kept as received until they are replayed."""

from collections.abc import Sequence

import asyncpg

from regdex.database import Database


async def bury_deliveries(db: Database, ids: Sequence[int], attempts: Sequence[int], reasons: Sequence[str]) -> int:
    """Move deliveries from the inbox to the dead letters if their claims still hold; return how many were moved."""
    buried: int = await db.fetchval(
        """
        WITH gone AS (
            DELETE FROM inbox
             USING unnest($1::bigint[], $2::integer[], $3::text[]) AS claim (id, attempts, reason)
             WHERE inbox.id = claim.id AND inbox.attempts = claim.attempts
            RETURNING inbox.id, inbox.registry_id, inbox.received_at, inbox.attempts, claim.reason,
                      inbox.headers, inbox.body
        ), buried AS (
            INSERT INTO dead_letter (id, registry_id, received_at, attempts, reason, headers, body)
            SELECT id, registry_id, received_at, attempts, reason, headers, body
              FROM gone
                ON CONFLICT (id) DO UPDATE
               SET buried_at = now(), attempts = excluded.attempts, reason = excluded.reason
            RETURNING id
        )
        SELECT count(*) FROM buried
        """,
        ids,
        attempts,
        reasons,
    )
    return buried


async def list_dead_letters(db: Database, *, registry: str, after_id: int, limit: int) -> list[asyncpg.Record]:
    """Return a page of dead letters, oldest first, without their bodies; '' as `registry` means all."""
    return await db.fetch(
        """
        SELECT dead_letter.id, registry.name AS registry, dead_letter.received_at, dead_letter.reason,
               octet_length(dead_letter.body) AS body_bytes, dead_letter.attempts
          FROM dead_letter
          JOIN registry ON registry.id = dead_letter.registry_id
         WHERE dead_letter.id > $2 AND ($1 = '' OR registry.name = $1)
         ORDER BY dead_letter.id
         LIMIT $3
        """,
        registry,
        after_id,
        limit,
    )


async def replay_dead_letters(db: Database, *, registry: str, ids: Sequence[int]) -> int:
    """Move dead letters back to the inbox with their ids; all of them (of the registry, unless '') if `ids` is empty.

    Recording is idempotent, so parts of a delivery recorded before do not change. Returns how many were moved.
    """
    replayed: int = await db.fetchval(
        """
        WITH raised AS (
            DELETE FROM dead_letter
             USING registry
             WHERE registry.id = dead_letter.registry_id
               AND ($1 = '' OR registry.name = $1)
               AND (cardinality($2::bigint[]) = 0 OR dead_letter.id = ANY ($2))
            RETURNING dead_letter.id, dead_letter.registry_id, dead_letter.received_at,
                      dead_letter.headers, dead_letter.body
        ), replayed AS (
            INSERT INTO inbox (id, registry_id, received_at, headers, body)
            SELECT id, registry_id, received_at, headers, body
              FROM raised
                ON CONFLICT (id) DO NOTHING
            RETURNING id
        )
        SELECT count(*) FROM replayed, pg_notify('regdex_inbox', '')
        """,
        registry,
        ids,
    )
    return replayed
