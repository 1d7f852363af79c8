"""SQL that completes a prefix: project names, and tags of repositories. Each is one statement with a bounded cost."""

from collections.abc import Sequence

import asyncpg

from regdex.database import Database

# A project ranks by its most downloaded repository, if that is among this many most downloaded repositories.
MAX_RANKED = 1000


async def list_projects(
    db: Database, projects: list[int] | None, *, prefix: str, registry: str = "", limit: int
) -> list[asyncpg.Record]:
    """Return `registry` and `project` of projects that begin with `prefix` and are not empty, by downloads and name."""
    return await db.fetch(
        """
        WITH ranked AS (
            SELECT top.project_id, max(top.downloads_30d) AS downloads
              FROM (SELECT project_id, downloads_30d
                      FROM repository
                     WHERE downloads_30d > 0
                     ORDER BY downloads_30d DESC, id
                     LIMIT $5) AS top
             GROUP BY top.project_id
        ), named AS (
            SELECT p.id
              FROM ranked
              JOIN project AS p ON p.id = ranked.project_id
             WHERE starts_with(p.name, $2) AND p.name <> ''
             UNION
            SELECT p.id
              FROM registry AS g
             CROSS JOIN LATERAL (
                   SELECT p.id
                     FROM project AS p
                    WHERE p.registry_id = g.id
                      AND p.name >= $2 AND p.name < $2 || '~' AND starts_with(p.name, $2) AND p.name <> ''
                      AND ($1::bigint[] IS NULL OR p.id = ANY ($1))
                      AND EXISTS (SELECT FROM repository AS r
                                   WHERE r.project_id = p.id AND (r.tag_count > 0 OR r.manifest_count > 0))
                    ORDER BY p.name
                    LIMIT $4) AS p
             WHERE $3 = '' OR g.name = $3
        )
        SELECT g.name AS registry, p.name AS project
          FROM named
          JOIN project AS p ON p.id = named.id
          JOIN registry AS g ON g.id = p.registry_id
          LEFT JOIN ranked ON ranked.project_id = p.id
         WHERE ($1::bigint[] IS NULL OR p.id = ANY ($1))
           AND ($3 = '' OR g.name = $3)
           AND EXISTS (SELECT FROM repository AS r
                        WHERE r.project_id = p.id AND (r.tag_count > 0 OR r.manifest_count > 0))
         ORDER BY coalesce(ranked.downloads, 0) DESC, p.name, g.name
         LIMIT $4
        """,
        projects,
        prefix,
        registry,
        limit,
        MAX_RANKED,
    )


async def list_tags(
    db: Database, projects: list[int] | None, repository_ids: Sequence[int], *, prefix: str, limit: int
) -> list[asyncpg.Record]:
    """Return `repository_id` and `tag` of tags that begin with `prefix`: up to `limit` each, newest first.

    Repositories come in the order of `repository_ids`; auxiliary tags are left out.
    """
    return await db.fetch(
        """
        SELECT r.id AS repository_id, t.tag
          FROM unnest($2::bigint[]) WITH ORDINALITY AS asked (id, place)
          JOIN repository AS r ON r.id = asked.id
         CROSS JOIN LATERAL (
               SELECT tag, coalesce(sorted_at, pushed_at) AS sorted_at,
                      coalesce(version_key, version_key(tag)) AS version_key
                 FROM tag
                WHERE repository_id = r.id
                  AND tag >= $3 AND tag < $3 || '~' AND starts_with(tag, $3)
                  AND NOT coalesce(auxiliary, spelled_digest(tag) IS NOT NULL)
                ORDER BY coalesce(sorted_at, pushed_at) DESC, coalesce(version_key, version_key(tag)) DESC, tag
                LIMIT $4) AS t
         WHERE $1::bigint[] IS NULL OR r.project_id = ANY ($1)
         ORDER BY asked.place, t.sorted_at DESC, t.version_key DESC, t.tag
        """,
        projects,
        repository_ids,
        prefix,
        limit,
    )
