"""How far what registries say has been recorded, and whether anything is known to be missing."""

import asyncpg

from regdex.database import Database


async def get_watermark(db: Database, registry: str) -> asyncpg.Record:
    """`indexed_through` and `complete` of a registry; of all that are not paused, the least, when `registry` is ''."""
    row = await db.fetchrow(
        """
        SELECT min(events_through) AS indexed_through, coalesce(bool_and(complete), false) AS complete
          FROM registry
         WHERE CASE WHEN $1 = '' THEN NOT paused ELSE name = $1 END
        """,
        registry,
    )
    assert row is not None  # noqa: S101 - an aggregate without GROUP BY is one row
    return row
