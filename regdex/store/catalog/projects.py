"""SQL that reads projects with totals over their repositories."""

import asyncpg

from regdex.database import Database


async def list_projects(
    db: Database, projects: list[int] | None, *, registry: str, after: tuple[str, str], limit: int
) -> list[asyncpg.Record]:
    """Return projects with at least one repository that is not empty, by (registry, project) after that key."""
    return await db.fetch(
        """
        SELECT g.name AS registry, p.name AS project, c.repository_count, c.tag_count, c.size_bytes, c.downloads_30d
          FROM registry AS g
          JOIN project AS p ON p.registry_id = g.id
         CROSS JOIN LATERAL (
               SELECT count(*) AS repository_count,
                      coalesce(sum(r.tag_count), 0)::bigint AS tag_count,
                      least(coalesce(sum(r.size_bytes), 0), 9223372036854775807)::bigint AS size_bytes,
                      coalesce(sum(r.downloads_30d), 0)::bigint AS downloads_30d
                 FROM repository AS r
                WHERE r.project_id = p.id
                  AND (r.tag_count > 0 OR r.manifest_count > 0)) AS c
         WHERE ($2 = '' OR g.name = $2)
           AND ($1::bigint[] IS NULL OR p.id = ANY ($1))
           AND (g.name, p.name) > ($3, $4)
           AND c.repository_count > 0
         ORDER BY g.name, p.name
         LIMIT $5
        """,
        projects,
        registry,
        *after,
        limit,
    )
