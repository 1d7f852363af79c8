"""SQL of plain names of repositories and tags, as the Distribution API lists them, and of registries' base URLs."""

import asyncpg

from regdex.database import Database


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


async def list_tag_names(
    db: Database, projects: list[int] | None, registry: str, repository: str, *, after: str, limit: int
) -> list[str | None]:
    """Return tag names after `after`; [] if the repository is unknown or not visible, [None] if it has no tags."""
    rows = await db.fetch(
        """
        SELECT t.tag
          FROM registry AS g
          JOIN repository AS r ON r.registry_id = g.id
          LEFT JOIN LATERAL (
               SELECT tag
                 FROM tag
                WHERE repository_id = r.id
                  AND tag > $4
                ORDER BY tag
                LIMIT $5) AS t ON true
         WHERE g.name = $2
           AND r.name = $3
           AND ($1::bigint[] IS NULL OR r.project_id = ANY ($1))
         ORDER BY t.tag
        """,
        projects,
        registry,
        repository,
        after,
        limit,
    )
    return [row["tag"] for row in rows]


async def find_registry_url(db: Database, projects: list[int] | None, registry: str, repository: str) -> str | None:
    """Return the base URL of the registry of a repository; None if the repository is unknown or not visible."""
    url: str | None = await db.fetchval(
        """
        SELECT g.url
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
    return url
