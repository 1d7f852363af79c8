"""SQL that ranks repositories by downloads, and maintains `repository.downloads_30d`.

Every batch of pulls adds to `downloads_30d`; an hourly refresh subtracts the days that left the window. So it is never
less than the true number, nor than that of a shorter window, and bounds how many repositories a ranking must read.
"""

from datetime import date

import asyncpg

from regdex.database import Connection, Database, Pool
from regdex.store.queues import outbox

WINDOW_DAYS = 30
_REFRESHED_AT_ONCE = 1000


async def list_candidates(
    db: Database, projects: list[int] | None, *, registry: str, project: str | None, limit: int
) -> list[asyncpg.Record]:
    """Return (id, bound) of repositories that may have the most downloads within 30 days, highest bound first."""
    return await db.fetch(
        """
        SELECT r.id, r.downloads_30d AS bound
          FROM repository AS r
         WHERE r.downloads_30d > 0
           AND ($1::bigint[] IS NULL OR r.project_id = ANY ($1))
           AND ($2 = '' OR r.registry_id = (SELECT id FROM registry WHERE name = $2))
           AND ($3::text IS NULL OR r.project_id IN (SELECT id FROM project WHERE name = $3))
         ORDER BY r.downloads_30d DESC, r.id
         LIMIT $4
        """,
        projects,
        registry,
        project,
        limit,
    )


async def rank_repositories(
    db: Database, repository_ids: list[int], *, since: date, limit: int
) -> list[asyncpg.Record]:
    """Return the most downloaded of these repositories since a day, by name where equal; omits those without any."""
    return await db.fetch(
        """
        SELECT g.name AS registry, r.name AS repository, counted.downloads, counted.version_checks, counted.requests
          FROM repository AS r
          JOIN registry AS g ON g.id = r.registry_id
         CROSS JOIN LATERAL (
               SELECT sum(downloads)::bigint AS downloads, sum(version_checks)::bigint AS version_checks,
                      sum(requests)::bigint AS requests
                 FROM download_day
                WHERE repository_id = r.id AND class = 1 AND day >= $2) AS counted
         WHERE r.id = ANY ($1::bigint[]) AND counted.downloads > 0
         ORDER BY counted.downloads DESC, g.name, r.name
         LIMIT $3
        """,
        repository_ids,
        since,
        limit,
    )


async def rank_all(
    db: Database, projects: list[int] | None, *, registry: str, project: str | None, since: date, limit: int
) -> list[asyncpg.Record]:
    """As `rank_repositories`, for windows longer than 30 days: adds up every day of every visible repository."""
    return await db.fetch(
        """
        SELECT g.name AS registry, r.name AS repository, sum(counted.downloads)::bigint AS downloads,
               sum(counted.version_checks)::bigint AS version_checks, sum(counted.requests)::bigint AS requests
          FROM download_day AS counted
          JOIN repository AS r ON r.id = counted.repository_id
          JOIN registry AS g ON g.id = r.registry_id
         WHERE counted.class = 1 AND counted.day >= $4
           AND ($1::bigint[] IS NULL OR r.project_id = ANY ($1))
           AND ($2 = '' OR g.name = $2)
           AND ($3::text IS NULL OR r.project_id IN (SELECT id FROM project WHERE name = $3))
         GROUP BY r.id, g.name
        HAVING sum(counted.downloads) > 0
         ORDER BY sum(counted.downloads) DESC, g.name, r.name
         LIMIT $5
        """,
        projects,
        registry,
        project,
        since,
        limit,
    )


async def refresh_downloads_30d(db: Pool) -> int:
    """Recompute the numbers; queue a repository if its power of two of downloads, or day of the last one, has changed.

    Returns how many rows were written. Pulls themselves queue nothing, as a popular repository would be published all
    the time.
    """
    written = after = 0
    while due := await _list_stale(db, after):
        async with db.acquire() as conn, conn.transaction():
            await conn.execute(
                "SELECT FROM repository WHERE id = ANY ($1::bigint[]) ORDER BY id FOR NO KEY UPDATE", due
            )
            await outbox.enqueue(conn, await _refresh(conn, due))
        written += len(due)
        after = due[-1]
    return written


async def _list_stale(db: Database, after: int) -> list[int]:
    rows = await db.fetch(
        """
        SELECT r.id
          FROM repository AS r
         CROSS JOIN LATERAL (
               SELECT coalesce(sum(downloads), 0)::bigint AS downloads
                 FROM download_day
                WHERE repository_id = r.id AND class = 1
                  AND day >= (now() AT TIME ZONE 'UTC')::date - $2::integer) AS counted
         WHERE r.id > $1
           AND (r.downloads_30d <> counted.downloads
                OR r.published_bucket <> length(ltrim(counted.downloads::bit(64)::text, '0'))
                OR r.published_pulled_on IS DISTINCT FROM (r.pulled_at AT TIME ZONE 'UTC')::date)
         ORDER BY r.id
         LIMIT $3
        """,
        after,
        WINDOW_DAYS,
        _REFRESHED_AT_ONCE,
    )
    return [row["id"] for row in rows]


async def _refresh(conn: Connection, repository_ids: list[int]) -> list[int]:
    """Recompute the numbers of repositories that the caller has locked; return those to publish."""
    rows = await conn.fetch(
        """
        WITH counted AS (
            SELECT r.id, r.published_bucket, r.published_pulled_on, day.downloads,
                   length(ltrim(day.downloads::bit(64)::text, '0')) AS bucket,
                   (r.pulled_at AT TIME ZONE 'UTC')::date AS pulled_on
              FROM repository AS r
             CROSS JOIN LATERAL (
                   SELECT coalesce(sum(downloads), 0)::bigint AS downloads
                     FROM download_day
                    WHERE repository_id = r.id AND class = 1
                      AND day >= (now() AT TIME ZONE 'UTC')::date - $2::integer) AS day
             WHERE r.id = ANY ($1::bigint[])
        )
        UPDATE repository
           SET downloads_30d = counted.downloads, published_bucket = counted.bucket,
               published_pulled_on = counted.pulled_on
          FROM counted
         WHERE repository.id = counted.id
        RETURNING repository.id, counted.published_bucket <> counted.bucket
                  OR counted.published_pulled_on IS DISTINCT FROM counted.pulled_on AS is_news
        """,
        repository_ids,
        WINDOW_DAYS,
    )
    return [row["id"] for row in rows if row["is_news"]]
