"""The logs as history reads them: what was seen of tags, and what took them away."""

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from regdex.database import Database


async def list_logged_tags(
    db: Database, repository_id: int, *, until: datetime, pattern: str, prefix: str, after: str, limit: int
) -> list[str]:
    """Tags by name after `after` that anything was seen of at or before `until`."""
    rows = await db.fetch(
        """
        SELECT tag
          FROM tag_event
         WHERE repository_id = $1
           AND tag > $5
           AND tag >= $4
           AND tag < $4 || '~'
           AND tag LIKE $3
           AND at <= $2
         GROUP BY tag
         ORDER BY tag
         LIMIT $6
        """,
        repository_id,
        until,
        pattern,
        prefix,
        after,
        limit,
    )
    return [row["tag"] for row in rows]


async def list_tag_events(db: Database, repository_id: int, tags: Sequence[str]) -> list[asyncpg.Record]:
    """The logs of some tags, tag by tag, as `history.Observation`, with the resolution of the registry's clock."""
    return await db.fetch(
        """
        SELECT tag, at, digest_id, exact, source, actor_id, event_key, confirmed_at, told_at, told_nanos, position,
               (SELECT registry.time_resolution_seconds
                  FROM repository JOIN registry ON registry.id = repository.registry_id
                 WHERE repository.id = $1) AS resolution_seconds
          FROM tag_event
         WHERE repository_id = $1
           AND tag = ANY ($2::text[])
         ORDER BY tag, at, event_key
        """,
        repository_id,
        tags,
    )


async def list_manifest_events(db: Database, repository_id: int, digest_id: int) -> list[asyncpg.Record]:
    """The log of a manifest as that of a tag: it points to itself while it is there."""
    return await db.fetch(
        """
        SELECT at, CASE WHEN present THEN digest_id END AS digest_id, exact, source, actor_id, event_key, confirmed_at,
               told_at, told_nanos, position,
               (SELECT registry.time_resolution_seconds
                  FROM repository JOIN registry ON registry.id = repository.registry_id
                 WHERE repository.id = $1) AS resolution_seconds
          FROM manifest_event
         WHERE repository_id = $1
           AND digest_id = $2
         ORDER BY at, event_key
        """,
        repository_id,
        digest_id,
    )


async def list_gone(db: Database, repository_id: int, digest_ids: Sequence[int]) -> list[asyncpg.Record]:
    """What took tags away: deletes of these manifests, and of the repository (digest_id NULL); as `history.Gone`."""
    return await db.fetch(
        """
        SELECT at, digest_id, exact, source, actor_id, event_key, told_at, told_nanos, position
          FROM manifest_event
         WHERE repository_id = $1
           AND digest_id = ANY ($2::bigint[])
           AND NOT present
           AND takes_tags
         UNION ALL
        SELECT at, NULL, exact, source, actor_id, event_key, told_at, told_nanos, position
          FROM repository_event
         WHERE repository_id = $1
        """,
        repository_id,
        digest_ids,
    )


async def list_actors(db: Database, ids: Sequence[int]) -> dict[int, str]:
    """Names of actors by their ids."""
    return {row["id"]: row["name"] for row in await db.fetch("SELECT id, name FROM actor WHERE id = ANY ($1)", ids)}
