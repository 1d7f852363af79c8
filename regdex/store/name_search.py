"""Repositories by parts of their names: what is left of search while the index is away."""

from collections.abc import Sequence

import asyncpg

from regdex.database import Database

MOST_MATCHES = 1000


async def find_by_name(
    db: Database,
    projects: list[int] | None,
    *,
    registry: str,
    project: str | None,
    name: str,
    parts: Sequence[str],
    offset: int,
    limit: int,
) -> list[asyncpg.Record]:
    """Ids of repositories whose name holds each of `parts`, and how many of them were looked at.

    Exact names first, then exact last segments, names and last segments that begin so, then by downloads. At most
    `MOST_MATCHES` are looked at beside the names that begin with `name`, which an index finds; without `parts`, those
    with the most downloads. `name` and `parts` are taken as they are: `%` and `_` are themselves.
    """
    return await db.fetch(
        """
        WITH allowed AS (
            SELECT g.id FROM registry AS g WHERE $2 = '' OR g.name = $2
        ), pattern AS (
            SELECT array_agg('%' || replace(replace(replace(part, '\\', '\\\\'), '%', '\\%'), '_', '\\_') || '%')
                   AS likes,
                   replace(replace(replace($4, '\\', '\\\\'), '%', '\\%'), '_', '\\_') AS name
              FROM unnest($5::text[]) AS part
        ), candidate AS (
            SELECT begin.id
              FROM allowed
             CROSS JOIN LATERAL (
                   SELECT r.id
                     FROM repository AS r
                    WHERE r.registry_id = allowed.id AND $4 <> ''
                      AND r.name >= $4 AND r.name < $4 || chr(1114111)
                      AND ($1::bigint[] IS NULL OR r.project_id = ANY ($1))
                    ORDER BY r.name
                    LIMIT $8) AS begin
            UNION
           (SELECT r.id
              FROM repository AS r, pattern
             WHERE r.name LIKE ALL (pattern.likes)
               AND r.registry_id IN (SELECT id FROM allowed)
               AND (r.tag_count > 0 OR r.manifest_count > 0)
               AND ($1::bigint[] IS NULL OR r.project_id = ANY ($1))
               AND ($3::text IS NULL OR r.project_id IN (SELECT p.id FROM project AS p WHERE p.name = $3))
             LIMIT $8)
            UNION
           (SELECT r.id
              FROM repository AS r
             WHERE cardinality($5::text[]) = 0 AND r.downloads_30d > 0
               AND r.registry_id IN (SELECT id FROM allowed)
               AND ($1::bigint[] IS NULL OR r.project_id = ANY ($1))
             ORDER BY r.downloads_30d DESC
             LIMIT $8)
        )
        SELECT r.id, count(*) OVER () AS total
          FROM candidate
          JOIN repository AS r ON r.id = candidate.id
          JOIN project AS p ON p.id = r.project_id
         CROSS JOIN pattern
         WHERE (r.tag_count > 0 OR r.manifest_count > 0)
           AND ($3::text IS NULL OR p.name = $3)
         ORDER BY r.name = $4 DESC,
                  substring(r.name FROM '[^/]*$') = $4 DESC,
                  r.name LIKE pattern.name || '%' OR substring(r.name FROM '[^/]*$') LIKE pattern.name || '%' DESC,
                  r.downloads_30d DESC, r.name, r.id
        OFFSET $6
         LIMIT $7
        """,
        projects,
        registry,
        project,
        name,
        list(parts),
        offset,
        limit,
        MOST_MATCHES,
    )
