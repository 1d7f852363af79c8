"""SQL that writes download counts by hour, by day and per repository; all are changed by differences only."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import TypeAlias

from regdex.database import Connection

# repository_id, hour, digest_id, tag, platform, class, downloads, version_checks, requests
HourChange: TypeAlias = tuple[int, datetime, int, str, str, int, int, int, int]
# repository_id, day, class, downloads, version_checks, requests
DayChange: TypeAlias = tuple[int, date, int, int, int, int]


async def change_hours(conn: Connection, changes: Sequence[HourChange]) -> None:
    """Add `changes` to the hourly counts and delete rows whose counts become zero."""
    columns = list(zip(*changes, strict=True))
    await conn.execute(
        """
        INSERT INTO download_hour AS stored
               (repository_id, hour, digest_id, tag, platform, class, downloads, version_checks, requests)
        SELECT repository_id, hour, digest_id, tag, platform, class, downloads, version_checks, requests
          FROM unnest($1::bigint[], $2::timestamptz[], $3::bigint[], $4::text[], $5::text[], $6::smallint[],
                      $7::bigint[], $8::bigint[], $9::bigint[])
               AS change (repository_id, hour, digest_id, tag, platform, class, downloads, version_checks, requests)
            ON CONFLICT (repository_id, hour, digest_id, tag, platform, class) DO UPDATE
           SET downloads = stored.downloads + excluded.downloads,
               version_checks = stored.version_checks + excluded.version_checks,
               requests = stored.requests + excluded.requests
        """,
        *columns,
    )
    if fewer := [change for change in changes if min(change[6:]) < 0]:
        await conn.execute(
            """
            DELETE FROM download_hour AS stored
             USING unnest($1::bigint[], $2::timestamptz[], $3::bigint[], $4::text[], $5::text[], $6::smallint[])
                   AS change (repository_id, hour, digest_id, tag, platform, class)
             WHERE stored.repository_id = change.repository_id AND stored.hour = change.hour
               AND stored.digest_id = change.digest_id AND stored.tag = change.tag
               AND stored.platform = change.platform AND stored.class = change.class
               AND stored.downloads = 0 AND stored.version_checks = 0 AND stored.requests = 0
            """,
            *list(zip(*fewer, strict=True))[:6],
        )


async def change_days(conn: Connection, changes: Sequence[DayChange]) -> None:
    """Add `changes` to the daily counts; requests never leave their hour, so no row becomes zero."""
    await conn.execute(
        """
        INSERT INTO download_day AS stored (repository_id, day, class, downloads, version_checks, requests)
        SELECT repository_id, day, class, downloads, version_checks, requests
          FROM unnest($1::bigint[], $2::date[], $3::smallint[], $4::bigint[], $5::bigint[], $6::bigint[])
               AS change (repository_id, day, class, downloads, version_checks, requests)
            ON CONFLICT (repository_id, day, class) DO UPDATE
           SET downloads = stored.downloads + excluded.downloads,
               version_checks = stored.version_checks + excluded.version_checks,
               requests = stored.requests + excluded.requests
        """,
        *zip(*changes, strict=True),
    )


async def change_repositories(
    conn: Connection, repository_ids: Sequence[int], downloads: Sequence[int], pulled_at: Sequence[datetime | None]
) -> None:
    """Add to the downloads of the last 30 days, and move the time of the last download forward."""
    await conn.execute(
        """
        UPDATE repository
           SET downloads_30d = greatest(downloads_30d + change.downloads, 0),
               pulled_at = greatest(repository.pulled_at, change.pulled_at)
          FROM unnest($1::bigint[], $2::bigint[], $3::timestamptz[]) AS change (id, downloads, pulled_at)
         WHERE repository.id = change.id
           AND (change.downloads <> 0 OR change.pulled_at > coalesce(repository.pulled_at, '-infinity'))
        """,
        repository_ids,
        downloads,
        pulled_at,
    )


async def lock_repositories(conn: Connection, repository_ids: Sequence[int]) -> dict[int, datetime | None]:
    """Lock repositories in id order, as all writers do; return the time of their last download."""
    rows = await conn.fetch(
        """
        SELECT id, pulled_at
          FROM repository
         WHERE id = ANY ($1::bigint[])
         ORDER BY id
           FOR NO KEY UPDATE
        """,
        repository_ids,
    )
    return {row["id"]: row["pulled_at"] for row in rows}


async def set_pulled_at(conn: Connection, repository_id: int, pulled_at: datetime | None) -> None:
    await conn.execute("UPDATE repository SET pulled_at = $2 WHERE id = $1", repository_id, pulled_at)


async def last_hour_with_downloads(conn: Connection, repository_id: int) -> datetime | None:
    """Return the last hour with downloads, for times whose raw pulls are deleted."""
    hour: datetime | None = await conn.fetchval(
        """
        SELECT max(hour)
          FROM download_hour
         WHERE repository_id = $1 AND class = 1 AND downloads > 0
        """,
        repository_id,
    )
    return hour
