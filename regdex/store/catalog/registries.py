"""SQL that reads registries: their counts, their watermark, and their hosts."""

from datetime import datetime
from typing import NamedTuple

import asyncpg

from regdex.database import Database
from regdex.store.catalog.gaps import Subject


class Spoken(NamedTuple):
    """The scope of an answer, for which `complete` is computed.

    `reference` is a tag or a digest, None for all tags; `since` and `until` default to now. With `since_first_seen`, a
    missing `since` is when the tag was first seen.
    """

    subjects: tuple[Subject, ...]
    reference: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    since_first_seen: bool = False


async def list_registries(
    db: Database, projects: list[int] | None, *, after: str, limit: int, name: str | None = None
) -> list[asyncpg.Record]:
    """Return registries in which the caller may see something, by name after `after`; only `name` if it is given.

    Counts cover visible repositories only.
    """
    return await db.fetch(
        """
        SELECT g.name, g.kind, g.url, g.hosts, g.paused, c.repository_count, c.tag_count, c.manifest_count,
               g.events_through, g.reconciled_at, g.gap_at, g.complete, g.read_mode AS read,
               coalesce(g.skew_seconds, 0) AS skew_seconds, g.verified_at, g.verified_sampled, g.verified_differed,
               CASE WHEN g.limited_until > now() THEN g.limited_until END AS limited_until
          FROM (SELECT id, name, kind, url, hosts, paused, events_through, reconciled_at, limited_until, read_mode,
                       skew_seconds, verified_at, verified_sampled, verified_differed,
                       (SELECT max(since) FROM gap
                         WHERE registry_id = registry.id AND repository_id IS NULL AND subject <> 'pulls'
                           AND reason <> 'never_read') AS gap_at,
                       is_complete(registry, NULL, NULL, '{moves,deletes}', now(), now()) AS complete
                  FROM registry
                 WHERE name > $2
                   AND ($4::text IS NULL OR name = $4)
                   AND ($1::bigint[] IS NULL
                        OR id IN (SELECT registry_id FROM project WHERE id = ANY ($1)))
                 ORDER BY name
                 LIMIT $3) AS g
         CROSS JOIN LATERAL (
               SELECT count(*) FILTER (WHERE r.tag_count > 0 OR r.manifest_count > 0) AS repository_count,
                      coalesce(sum(r.tag_count), 0)::bigint AS tag_count,
                      coalesce(sum(r.manifest_count), 0)::bigint AS manifest_count
                 FROM repository AS r
                WHERE r.registry_id = g.id
                  AND ($1::bigint[] IS NULL OR r.project_id = ANY ($1))) AS c
         ORDER BY g.name
        """,
        projects,
        after,
        limit,
        name,
    )


async def get_registry(db: Database, projects: list[int] | None, name: str) -> asyncpg.Record | None:
    """Return one registry with the columns of `list_registries`; None if it is unknown or not visible."""
    rows = await list_registries(db, projects, after="", limit=1, name=name)
    return rows[0] if rows else None


async def find_registry(db: Database, projects: list[int] | None, name: str) -> asyncpg.Record | None:
    """Return `id` and `paused` of a registry; None if it is unknown or not visible."""
    return await db.fetchrow(
        """
        SELECT id, paused
          FROM registry
         WHERE name = $2
           AND ($1::bigint[] IS NULL OR id IN (SELECT registry_id FROM project WHERE id = ANY ($1)))
        """,
        projects,
        name,
    )


async def find_registry_of_host(db: Database, host: str) -> str | None:
    """Return the name of the registry with this host (lower case, with its port if any); None if there is none."""
    name: str | None = await db.fetchval("SELECT name FROM registry WHERE $1 = ANY (hosts) ORDER BY id LIMIT 1", host)
    return name


async def get_id(db: Database, name: str) -> int | None:
    """Return the id of a registry; None if no registry has this name."""
    number: int | None = await db.fetchval("SELECT id FROM registry WHERE name = $1", name)
    return number


async def list_active(db: Database) -> list[int]:
    """Return ids of the registries that are not paused."""
    return [row["id"] for row in await db.fetch("SELECT id FROM registry WHERE NOT paused ORDER BY id")]


async def list_silent(db: Database) -> list[str]:
    """Return names of the registries that are not paused and have never sent an event."""
    rows = await db.fetch("SELECT name FROM registry WHERE events_through IS NULL AND NOT paused ORDER BY name")
    return [row["name"] for row in rows]


async def get_watermark(db: Database, registry: str, spoken: Spoken) -> asyncpg.Record:
    """Return `indexed_through` and `complete` of a registry; '' means the minimum over all that are not paused."""
    row = await db.fetchrow(
        """
        SELECT CASE WHEN bool_or(known_through(registry, $2) IS NULL) THEN NULL
                    ELSE min(known_through(registry, $2)) END AS indexed_through,
               coalesce(bool_and(is_complete(registry, NULL, NULL, $2, coalesce($3, now()), coalesce($4, now()))),
                        false) AS complete
          FROM registry
         WHERE CASE WHEN $1 = '' THEN NOT paused ELSE name = $1 END
        """,
        registry,
        list(spoken.subjects),
        spoken.since,
        spoken.until,
    )
    assert row is not None  # noqa: S101 - an aggregate without GROUP BY is one row
    return row
