"""SQL that reads download counts. Only clients count; replication, scanners and Regdex itself are stored separately."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import asyncpg

from regdex.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """The interval [`since`, `until`), on full hours, in buckets of `unit`: hour, day, month, or '' for one bucket."""

    since: datetime
    until: datetime
    unit: str
    limit: int

    @property
    def days(self) -> tuple[date, date]:
        """Return the first whole UTC day in the interval and the day after the last one; equal if there is none."""
        first = (self.since + timedelta(hours=23)).astimezone(UTC).date()
        return first, max(first, self.until.astimezone(UTC).date())


async def current_time(db: Database) -> datetime:
    now: datetime = await db.fetchval("SELECT now()")
    return now


async def count_repository_hours(
    db: Database,
    repository_id: int,
    within: Range,
    *,
    tag: str,
    digest: tuple[int, bytes] | None,
    by_tag: bool,
    by_platform: bool,
) -> list[asyncpg.Record]:
    """Return counts of one repository from hourly counts; `tag` '' and `digest` None mean all."""
    algorithm, hash_ = digest or (None, None)
    return await db.fetch(
        """
        SELECT CASE WHEN $4 = '' THEN $2::timestamptz ELSE date_trunc($4, hour, 'UTC') END AS start,
               CASE WHEN $8 THEN tag ELSE '' END AS tag,
               CASE WHEN $9 THEN platform ELSE '' END AS platform,
               sum(downloads)::bigint AS downloads, sum(version_checks)::bigint AS version_checks,
               sum(requests)::bigint AS requests
          FROM download_hour
         WHERE repository_id = $1 AND hour >= $2 AND hour < $3 AND class = 1
           AND ($5 = '' OR tag = $5)
           AND ($7::bytea IS NULL OR digest_id = (SELECT id FROM digest WHERE algorithm = $6 AND hash = $7))
         GROUP BY 1, 2, 3
         ORDER BY 1, 2, 3
         LIMIT $10
        """,
        repository_id,
        within.since,
        within.until,
        within.unit,
        tag,
        algorithm,
        hash_,
        by_tag,
        by_platform,
        within.limit,
    )


async def count_repository_days(db: Database, repository_id: int, within: Range) -> list[asyncpg.Record]:
    """Return counts of one repository: whole days from daily counts, the rest from hourly counts."""
    return await db.fetch(
        """
        SELECT CASE WHEN $4 = '' THEN $2::timestamptz ELSE date_trunc($4, at, 'UTC') END AS start,
               '' AS tag, '' AS platform,
               sum(downloads)::bigint AS downloads, sum(version_checks)::bigint AS version_checks,
               sum(requests)::bigint AS requests
          FROM (SELECT day::timestamp AT TIME ZONE 'UTC' AS at, downloads, version_checks, requests
                  FROM download_day
                 WHERE repository_id = $1 AND class = 1 AND day >= $5 AND day < $6
                 UNION ALL
                SELECT hour, downloads, version_checks, requests
                  FROM download_hour
                 WHERE repository_id = $1 AND class = 1
                   AND ((hour >= $2 AND hour < least($3, $5::timestamp AT TIME ZONE 'UTC'))
                        OR (hour >= greatest($2, $6::timestamp AT TIME ZONE 'UTC') AND hour < $3))) AS counted
         GROUP BY 1
         ORDER BY 1
         LIMIT $7
        """,
        repository_id,
        within.since,
        within.until,
        within.unit,
        *within.days,
        within.limit,
    )


async def count_days(db: Database, projects: list[int] | None, registry: str, within: Range) -> list[asyncpg.Record]:
    """As `count_repository_days`, over all visible repositories of a registry, or of all registries if it is ''."""
    return await db.fetch(
        """
        WITH seen AS MATERIALIZED (
            SELECT r.id
              FROM repository AS r JOIN registry AS g ON g.id = r.registry_id
             WHERE ($1::bigint[] IS NULL OR r.project_id = ANY ($1)) AND ($2 = '' OR g.name = $2)
        )
        SELECT CASE WHEN $5 = '' THEN $3::timestamptz ELSE date_trunc($5, at, 'UTC') END AS start,
               '' AS tag, '' AS platform,
               sum(downloads)::bigint AS downloads, sum(version_checks)::bigint AS version_checks,
               sum(requests)::bigint AS requests
          FROM (SELECT counted.day::timestamp AT TIME ZONE 'UTC' AS at, counted.downloads, counted.version_checks,
                       counted.requests
                  FROM download_day AS counted JOIN seen ON seen.id = counted.repository_id
                 WHERE counted.class = 1 AND counted.day >= $6 AND counted.day < $7
                 UNION ALL
                SELECT edge.hour, edge.downloads, edge.version_checks, edge.requests
                  FROM seen
                 CROSS JOIN (VALUES ($3::timestamptz, least($4, $6::timestamp AT TIME ZONE 'UTC')),
                                    (greatest($3, $7::timestamp AT TIME ZONE 'UTC'), $4)) AS part (since, until)
                 CROSS JOIN LATERAL (
                       SELECT hour, downloads, version_checks, requests
                         FROM download_hour
                        WHERE repository_id = seen.id AND class = 1 AND hour >= part.since AND hour < part.until
                       OFFSET 0) AS edge) AS counted
         GROUP BY 1
         ORDER BY 1
         LIMIT $8
        """,
        projects,
        registry,
        within.since,
        within.until,
        within.unit,
        *within.days,
        within.limit,
    )


async def count_hours(
    db: Database, projects: list[int] | None, registry: str, within: Range, *, by_tag: bool, by_platform: bool
) -> list[asyncpg.Record]:
    """As `count_repository_hours`, over all visible repositories of a registry, or of all registries if it is ''."""
    return await db.fetch(
        """
        SELECT CASE WHEN $5 = '' THEN $3::timestamptz ELSE date_trunc($5, counted.hour, 'UTC') END AS start,
               counted.tag, counted.platform,
               sum(counted.downloads)::bigint AS downloads, sum(counted.version_checks)::bigint AS version_checks,
               sum(counted.requests)::bigint AS requests
          FROM registry AS g
          JOIN repository AS r ON r.registry_id = g.id
         CROSS JOIN LATERAL (
               SELECT hour, CASE WHEN $6 THEN tag ELSE '' END AS tag,
                      CASE WHEN $7 THEN platform ELSE '' END AS platform, downloads, version_checks, requests
                 FROM download_hour
                WHERE repository_id = r.id AND class = 1 AND hour >= $3 AND hour < $4
               OFFSET 0) AS counted
         WHERE ($1::bigint[] IS NULL OR r.project_id = ANY ($1)) AND ($2 = '' OR g.name = $2)
         GROUP BY 1, 2, 3
         ORDER BY 1, 2, 3
         LIMIT $8
        """,
        projects,
        registry,
        within.since,
        within.until,
        within.unit,
        by_tag,
        by_platform,
        within.limit,
    )
