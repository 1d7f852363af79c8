"""SQL that reads repositories. Empty repositories are not listed, but can be read by name."""

import asyncpg

from regdex.database import Database
from regdex.store.catalog.registries import Spoken


async def find_repository(
    db: Database, projects: list[int] | None, registry: str, repository: str, spoken: Spoken
) -> asyncpg.Record | None:
    """Return `id` and `version` of a repository with the watermark of its registry; None if unknown or not visible."""
    return await db.fetchrow(
        """
        SELECT r.id, r.version, known_through(g, $4) AS indexed_through,
               is_complete(g, r.id, $5, $4,
                           coalesce($6, CASE WHEN $8 THEN (SELECT min(at) FROM tag_event
                                                            WHERE repository_id = r.id AND tag = $5) END, now()),
                           coalesce($7, now())) AS complete
          FROM registry AS g
          JOIN repository AS r ON r.registry_id = g.id
         WHERE g.name = $2
           AND r.name = $3
           AND ($1::bigint[] IS NULL OR r.project_id = ANY ($1))
        """,
        projects,
        registry,
        repository,
        list(spoken.subjects),
        spoken.reference,
        spoken.since,
        spoken.until,
        spoken.since_first_seen,
    )


async def find_id(db: Database, projects: list[int] | None, registry: str, repository: str) -> int | None:
    """Return the id of a repository; None if it is unknown or not visible."""
    row = await _find(db, projects, registry, repository)
    return row["id"] if row else None


async def find_registry_url(db: Database, projects: list[int] | None, registry: str, repository: str) -> str | None:
    """Return the base URL of the registry of a repository; None if the repository is unknown or not visible."""
    row = await _find(db, projects, registry, repository)
    return row["url"] if row else None


async def _find(db: Database, projects: list[int] | None, registry: str, repository: str) -> asyncpg.Record | None:
    return await db.fetchrow(
        """
        SELECT r.id, g.url
          FROM registry AS g
          JOIN repository AS r ON r.registry_id = g.id
         WHERE g.name = $2
           AND r.name = $3
           AND ($1::bigint[] IS NULL OR r.project_id = ANY ($1))
        """,
        projects,
        registry,
        repository,
    )


async def get_repository(
    db: Database, projects: list[int] | None, registry: str, repository: str
) -> asyncpg.Record | None:
    """Return one repository; None if it is unknown or not visible."""
    return await db.fetchrow(
        """
        SELECT g.name AS registry, r.name AS repository, p.name AS project,
               coalesce(r.description_override, r.description) AS description, r.tag_count, r.manifest_count,
               r.size_bytes, r.downloads_30d, r.first_seen_at, r.pushed_at, r.pulled_at, r.platforms, r.stars, r.title,
               r.source_url, r.url, r.documentation_url, r.licenses, r.vendor,
               r.description_override IS NOT NULL AS description_overridden, r.artifact_tag_count,
               CASE WHEN r.pushed_at IS NULL THEN coalesce(r.sighted_at, r.first_seen_at) END AS pushed_before
          FROM registry AS g
          JOIN repository AS r ON r.registry_id = g.id
          JOIN project AS p ON p.id = r.project_id
         WHERE g.name = $2
           AND r.name = $3
           AND ($1::bigint[] IS NULL OR r.project_id = ANY ($1))
        """,
        projects,
        registry,
        repository,
    )


async def list_repositories(
    db: Database,
    projects: list[int] | None,
    *,
    registry: str,
    project: str | None,
    pattern: str,
    prefix: str,
    after: tuple[str, str],
    limit: int,
) -> list[asyncpg.Record]:
    """Return repositories that are not empty, by (registry, repository) after that key.

    `pattern` is a LIKE pattern; `prefix` is its literal beginning, so that only a range of the index is read. The tilde
    that ends the range sorts after every character allowed in a name.
    """
    return await db.fetch(
        """
        SELECT g.name AS registry, r.name AS repository, r.project, r.description, r.tag_count, r.manifest_count,
               r.size_bytes, r.downloads_30d, r.first_seen_at, r.pushed_at, r.pulled_at, r.platforms, r.stars, r.title,
               r.source_url, r.url, r.documentation_url, r.licenses, r.vendor, r.description_overridden,
               r.artifact_tag_count, r.pushed_before
          FROM (SELECT id, name
                  FROM registry
                 WHERE name >= $5 AND ($2 = '' OR name = $2)
                 ORDER BY name) AS g
         CROSS JOIN LATERAL (
               SELECT r.name, p.name AS project, coalesce(r.description_override, r.description) AS description,
                      r.tag_count, r.manifest_count, r.size_bytes, r.downloads_30d, r.first_seen_at, r.pushed_at,
                      r.pulled_at, r.platforms, r.stars, r.title, r.source_url, r.url, r.documentation_url, r.licenses,
                      r.vendor, r.description_override IS NOT NULL AS description_overridden, r.artifact_tag_count,
                      CASE WHEN r.pushed_at IS NULL THEN coalesce(r.sighted_at, r.first_seen_at) END AS pushed_before
                 FROM repository AS r
                 JOIN project AS p ON p.id = r.project_id
                WHERE r.registry_id = g.id
                  AND r.name > CASE WHEN g.name = $5 THEN $6 ELSE '' END
                  AND r.name >= $7
                  AND r.name < $7 || '~'
                  AND r.name LIKE $4
                  AND ($3::text IS NULL OR p.name = $3)
                  AND ($1::bigint[] IS NULL OR r.project_id = ANY ($1))
                  AND (r.tag_count > 0 OR r.manifest_count > 0)
                ORDER BY r.name
                LIMIT $8) AS r
         ORDER BY g.name, r.name
         LIMIT $8
        """,
        projects,
        registry,
        project,
        pattern,
        *after,
        prefix,
        limit,
    )


async def list_repository_names(
    db: Database, projects: list[int] | None, *, registry: str, after: tuple[str, str], limit: int
) -> list[asyncpg.Record]:
    """Return repositories that are not empty, by (registry, repository) after that key; '' means all registries."""
    return await db.fetch(
        """
        SELECT g.name AS registry, r.name AS repository
          FROM (SELECT id, name
                  FROM registry
                 WHERE name >= $3 AND ($2 = '' OR name = $2)
                 ORDER BY name) AS g
         CROSS JOIN LATERAL (
               SELECT name
                 FROM repository
                WHERE registry_id = g.id
                  AND name > CASE WHEN g.name = $3 THEN $4 ELSE '' END
                  AND ($1::bigint[] IS NULL OR project_id = ANY ($1))
                  AND (tag_count > 0 OR manifest_count > 0)
                ORDER BY name
                LIMIT $5) AS r
         ORDER BY g.name, r.name
         LIMIT $5
        """,
        projects,
        registry,
        *after,
        limit,
    )
