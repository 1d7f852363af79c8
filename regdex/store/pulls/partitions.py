"""SQL of the partitions of `pull_event`, one a UTC day: their creation and the end of their retention."""

from collections.abc import Sequence
from datetime import date, timedelta

import asyncpg

from regdex.database import LOCK_PARTITIONS, Database

_DAY = timedelta(days=1)


async def ensure_partitions(db: Database, days: Sequence[date]) -> list[date]:
    """Create missing partitions for these UTC days and return which were created.

    A new table is attached when it is complete, so reads and writes of other partitions continue meanwhile.
    """
    missing = await _missing_partitions(db, days)
    if not missing:
        return []
    if isinstance(db, asyncpg.Pool):
        async with db.acquire() as conn, conn.transaction():
            return await ensure_partitions(conn, days)
    await db.execute("SELECT pg_advisory_xact_lock($1)", LOCK_PARTITIONS)
    missing = await _missing_partitions(db, days)
    for day in missing:
        statement = await db.fetchval(
            """
            SELECT format('CREATE TABLE %1$I (LIKE pull_event INCLUDING ALL);'
                          'ALTER TABLE pull_event ATTACH PARTITION %1$I FOR VALUES FROM (%2$L) TO (%3$L)',
                          'pull_event_' || to_char($1::date, 'YYYYMMDD'),
                          $1::date::text || ' 00:00:00+00', $2::date::text || ' 00:00:00+00')
            """,
            day,
            day + _DAY,
        )
        await db.execute(statement)
    return missing


async def _missing_partitions(db: Database, days: Sequence[date]) -> list[date]:
    # to_regclass may return an entry cached before the lock was granted, so pg_class is read instead.
    rows = await db.fetch(
        """
        SELECT day
          FROM unnest($1::date[]) AS day
         WHERE NOT EXISTS (
               SELECT FROM pg_class AS part JOIN pg_class AS whole USING (relnamespace)
                WHERE whole.oid = 'pull_event'::regclass AND part.relname = 'pull_event_' || to_char(day, 'YYYYMMDD'))
         ORDER BY day
        """,
        days,
    )
    return [row["day"] for row in rows]


async def drop_partitions_before(db: Database, day: date) -> list[str]:
    """Reject pulls before `day` from now on and drop their partitions; return the names of the dropped tables.

    The partition of the day before is kept, so that sessions across midnight can be derived again. Raises
    asyncpg.LockNotAvailableError if readers hold a partition for 2 s; the next run tries again.
    """
    if isinstance(db, asyncpg.Pool):
        async with db.acquire() as conn, conn.transaction():
            return await drop_partitions_before(conn, day)
    await db.execute("SET LOCAL lock_timeout = '2s'")
    await db.execute("UPDATE instance SET pulls_since = $1 WHERE pulls_since IS NULL OR pulls_since < $1", day)
    rows = await db.fetch(
        """
        SELECT relation.relname AS name, format('DROP TABLE %I', relation.relname) AS statement
          FROM pg_inherits AS part
          JOIN pg_class AS relation ON relation.oid = part.inhrelid
         WHERE part.inhparent = 'pull_event'::regclass
           AND relation.relname < 'pull_event_' || to_char($1::date, 'YYYYMMDD')
         ORDER BY relation.relname
        """,
        day - _DAY,
    )
    for row in rows:
        await db.execute(row["statement"])
    return [row["name"] for row in rows]
