"""The three logs of observations: reading the newest of tags and manifests, and what took them.

Rows have the fields of `regdex.history.Observation` or `Gone`; `ordinal` counts what was asked from 1.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

import asyncpg

from regdex.database import Connection


async def read_tag_log(conn: Connection, tags: Sequence[tuple[int, str]], *, limit: int) -> list[asyncpg.Record]:
    """The newest `limit` rows of each tag; `ordinal` counts the tags from 1."""
    return await conn.fetch(
        """
        SELECT asked.ordinal, log.at, log.digest_id, log.exact, log.source, log.actor_id, log.event_key,
               log.confirmed_at, log.told_at, log.told_nanos, log.position
          FROM unnest($1::bigint[], $2::text[]) WITH ORDINALITY AS asked (repository_id, tag, ordinal)
         CROSS JOIN LATERAL (
               SELECT at, digest_id, exact, source, actor_id, event_key, confirmed_at, told_at, told_nanos, position
                 FROM tag_event
                WHERE tag_event.repository_id = asked.repository_id AND tag_event.tag = asked.tag
                ORDER BY at DESC, event_key DESC
                LIMIT $3) AS log
        """,
        *zip(*tags, strict=True),
        limit,
    )


async def read_tag_log_until(
    conn: Connection, tags: Sequence[tuple[int, str, datetime]], *, limit: int
) -> list[asyncpg.Record]:
    """As `read_tag_log`, of each tag the newest rows up to a time."""
    return await conn.fetch(
        """
        SELECT asked.ordinal, log.at, log.digest_id, log.exact, log.source, log.actor_id, log.event_key,
               log.confirmed_at, log.told_at, log.told_nanos, log.position
          FROM unnest($1::bigint[], $2::text[], $3::timestamptz[])
               WITH ORDINALITY AS asked (repository_id, tag, until, ordinal)
         CROSS JOIN LATERAL (
               SELECT at, digest_id, exact, source, actor_id, event_key, confirmed_at, told_at, told_nanos, position
                 FROM tag_event
                WHERE tag_event.repository_id = asked.repository_id AND tag_event.tag = asked.tag
                  AND at <= asked.until
                ORDER BY at DESC, event_key DESC
                LIMIT $4) AS log
        """,
        *zip(*tags, strict=True),
        limit,
    )


async def read_manifest_log(
    conn: Connection, manifests: Sequence[tuple[int, int]], *, limit: int
) -> list[asyncpg.Record]:
    """The newest `limit` rows of each manifest as `read_tag_log` has them: it points to itself while it is there."""
    return await conn.fetch(
        """
        SELECT asked.ordinal, log.at, CASE WHEN log.present THEN asked.digest_id END AS digest_id, log.exact,
               log.source, log.actor_id, log.event_key, log.confirmed_at, log.told_at, log.told_nanos, log.position
          FROM unnest($1::bigint[], $2::bigint[]) WITH ORDINALITY AS asked (repository_id, digest_id, ordinal)
         CROSS JOIN LATERAL (
               SELECT at, present, exact, source, actor_id, event_key, confirmed_at, told_at, told_nanos, position
                 FROM manifest_event
                WHERE manifest_event.repository_id = asked.repository_id
                  AND manifest_event.digest_id = asked.digest_id
                ORDER BY at DESC, event_key DESC
                LIMIT $3) AS log
        """,
        *zip(*manifests, strict=True),
        limit,
    )


async def read_tag_scans(conn: Connection, scans: Sequence[tuple[int, str, datetime]]) -> list[asyncpg.Record]:
    """For each (repository, tag, time) the newest scan of the tag up to then; `ordinal` counts from 1."""
    return await conn.fetch(
        """
        SELECT asked.ordinal, log.at, log.digest_id, log.exact, log.source, log.actor_id, log.event_key,
               log.confirmed_at, log.told_at, log.told_nanos, log.position
          FROM unnest($1::bigint[], $2::text[], $3::timestamptz[])
               WITH ORDINALITY AS asked (repository_id, tag, until, ordinal)
         CROSS JOIN LATERAL (
               SELECT at, digest_id, exact, source, actor_id, event_key, confirmed_at, told_at, told_nanos, position
                 FROM tag_event
                WHERE tag_event.repository_id = asked.repository_id AND tag_event.tag = asked.tag
                  AND at <= asked.until AND source = 2
                ORDER BY at DESC, event_key DESC
                LIMIT 1) AS log
        """,
        *zip(*scans, strict=True),
    )


async def read_manifest_scans(conn: Connection, scans: Sequence[tuple[int, int, datetime]]) -> list[asyncpg.Record]:
    """For each (repository, digest, time) the newest scan of the manifest up to then, as `read_tag_scans` has it."""
    return await conn.fetch(
        """
        SELECT asked.ordinal, log.at, CASE WHEN log.present THEN asked.digest_id END AS digest_id, log.exact,
               log.source, log.actor_id, log.event_key, log.confirmed_at, log.told_at, log.told_nanos, log.position
          FROM unnest($1::bigint[], $2::bigint[], $3::timestamptz[])
               WITH ORDINALITY AS asked (repository_id, digest_id, until, ordinal)
         CROSS JOIN LATERAL (
               SELECT at, present, exact, source, actor_id, event_key, confirmed_at, told_at, told_nanos, position
                 FROM manifest_event
                WHERE manifest_event.repository_id = asked.repository_id
                  AND manifest_event.digest_id = asked.digest_id
                  AND at <= asked.until AND source = 2
                ORDER BY at DESC, event_key DESC
                LIMIT 1) AS log
        """,
        *zip(*scans, strict=True),
    )


async def read_lost_manifests(conn: Connection, manifests: Sequence[tuple[int, int]]) -> list[asyncpg.Record]:
    """When each of these was gone from its repository and took its tags along."""
    return await conn.fetch(
        """
        SELECT log.repository_id, log.digest_id, log.at, log.exact, log.source, log.actor_id, log.event_key,
               log.told_at, log.told_nanos, log.position
          FROM unnest($1::bigint[], $2::bigint[]) AS asked (repository_id, digest_id)
          JOIN manifest_event AS log USING (repository_id, digest_id)
         WHERE NOT log.present AND log.takes_tags
        """,
        *zip(*manifests, strict=True),
    )


async def read_lost_repositories(conn: Connection, repository_ids: Iterable[int]) -> list[asyncpg.Record]:
    """When each of these was gone."""
    return await conn.fetch(
        """
        SELECT repository_id, NULL::bigint AS digest_id, at, exact, source, actor_id, event_key, told_at, told_nanos,
               position
          FROM repository_event
         WHERE repository_id = ANY ($1::bigint[])
        """,
        list(repository_ids),
    )


async def has_exact(conn: Connection, repository_id: int, tag: str, *, since: datetime, until: datetime) -> bool:
    """Whether an exact observation of a tag lies between two times."""
    found: bool = await conn.fetchval(
        """
        SELECT EXISTS (
               SELECT FROM tag_event
                WHERE repository_id = $1 AND tag = $2 AND at BETWEEN $3 AND $4 AND exact)
        """,
        repository_id,
        tag,
        since,
        until,
    )
    return found


async def list_tags_since(conn: Connection, since: Sequence[tuple[int, int | None, datetime]]) -> list[tuple[int, str]]:
    """Tags, also gone ones, observed at or after a time in (repository, digest); digest None: in all of it."""
    rows = await conn.fetch(
        """
        SELECT DISTINCT e.repository_id, e.tag
          FROM unnest($1::bigint[], $2::bigint[], $3::timestamptz[]) AS lost (repository_id, digest_id, at)
          JOIN tag_event AS e ON e.repository_id = lost.repository_id AND e.at >= lost.at
                             AND (lost.digest_id IS NULL OR e.digest_id = lost.digest_id)
        """,
        [repository_id for repository_id, _, _ in since],
        [digest_id for _, digest_id, _ in since],
        [at for _, _, at in since],
    )
    return [(row["repository_id"], row["tag"]) for row in rows]


async def list_manifests_since(conn: Connection, since: Sequence[tuple[int, datetime]]) -> list[tuple[int, int]]:
    """Manifests, also gone ones, that were observed in a repository at or after a time."""
    rows = await conn.fetch(
        """
        SELECT DISTINCT e.repository_id, e.digest_id
          FROM unnest($1::bigint[], $2::timestamptz[]) AS lost (repository_id, at)
          JOIN manifest_event AS e ON e.repository_id = lost.repository_id AND e.at >= lost.at
        """,
        [repository_id for repository_id, _ in since],
        [at for _, at in since],
    )
    return [(row["repository_id"], row["digest_id"]) for row in rows]
