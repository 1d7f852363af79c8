"""SQL that finds repositories by parts of their names: the fallback while the search index is unavailable.

It scans all names: a quarter of a second for a million repositories. An index on names would cost more, as every change
of a repository would have to update it.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import asyncpg

from regdex.database import Database
from regdex.glob import literal_to_like, to_like
from regdex.search.language.query import Sort


class Bounds(NamedTuple):
    """The inclusive minimum and exclusive maximum of each value; None means no bound."""

    downloads_from: int | None = None
    downloads_to: int | None = None
    size_from: int | None = None
    size_to: int | None = None
    stars_from: int | None = None
    stars_to: int | None = None
    pushed_from: datetime | None = None
    pushed_to: datetime | None = None
    pulled_from: datetime | None = None
    pulled_to: datetime | None = None


async def find_by_name(
    db: Database,
    projects: list[int] | None,
    *,
    name: str,
    words: Sequence[str],
    globs: Sequence[str],
    bounds: Bounds,
    sort: Sort,
    limit: int,
) -> list[int]:
    """Return ids of repositories whose names contain each of `words`, in the order of `sort`.

    `words` are literal; `globs` may contain `*` and `?`, and each must match a part of registry and name. Relevance
    ranks exact names, exact last segments, names and segments with this beginning, then others, by downloads within
    each.
    """
    rows = await db.fetch(
        r"""
        SELECT r.id
          FROM repository AS r
         WHERE ($1::bigint[] IS NULL OR r.project_id = ANY ($1))
           AND (r.tag_count > 0 OR r.manifest_count > 0)
           AND r.name LIKE ALL ($2::text[])
           AND (cardinality($3::text[]) = 0
                OR (SELECT array_agg(name ORDER BY id) FROM registry)
                       [array_position((SELECT array_agg(id ORDER BY id) FROM registry), r.registry_id)]
                   || '/' || r.name LIKE ALL ($3))
           AND ($7::bigint IS NULL OR r.downloads_30d >= $7)
           AND ($8::bigint IS NULL OR r.downloads_30d < $8)
           AND ($9::bigint IS NULL OR r.size_bytes >= $9)
           AND ($10::bigint IS NULL OR r.size_bytes < $10)
           AND ($11::bigint IS NULL OR r.stars >= $11)
           AND ($12::bigint IS NULL OR r.stars < $12)
           AND ($13::timestamptz IS NULL OR r.pushed_at >= $13)
           AND ($14::timestamptz IS NULL OR r.pushed_at < $14)
           AND ($15::timestamptz IS NULL OR r.pulled_at >= $15)
           AND ($16::timestamptz IS NULL OR r.pulled_at < $16)
         ORDER BY CASE $5 WHEN 'name' THEN r.name END,
                  CASE $5 WHEN 'name' THEN
                       (SELECT array_agg(name ORDER BY id) FROM registry)
                           [array_position((SELECT array_agg(id ORDER BY id) FROM registry), r.registry_id)] END,
                  CASE $5 WHEN 'downloads' THEN r.downloads_30d WHEN 'size' THEN r.size_bytes
                          WHEN 'stars' THEN r.stars END DESC NULLS LAST,
                  CASE $5 WHEN 'pushed' THEN r.pushed_at WHEN 'pulled' THEN r.pulled_at END DESC NULLS LAST,
                  CASE WHEN $4 = '' OR $5 <> 'relevance' THEN 0
                       WHEN r.name = $4 THEN 0
                       WHEN right(r.name, length($4) + 1) = '/' || $4 THEN 1
                       WHEN starts_with(r.name, $4) OR position('/' || $4 IN r.name) > 0 THEN 2
                       ELSE 3 END,
                  r.downloads_30d DESC, r.name, r.id
         LIMIT $6
        """,
        projects,
        [f"%{literal_to_like(word)}%" for word in words],
        [f"%{to_like(glob)}%" for glob in globs],
        name,
        sort,
        limit,
        *bounds,
    )
    return [row["id"] for row in rows]


async def find_by_beginning(db: Database, projects: list[int] | None, *, name: str, limit: int) -> list[int]:
    """Return ids of repositories whose name begins with `name`, by name; reads only a range of an index."""
    rows = await db.fetch(
        """
        SELECT r.id
          FROM registry AS g
         CROSS JOIN LATERAL (
               SELECT r.id, r.name
                 FROM repository AS r
                WHERE r.registry_id = g.id
                  AND r.name >= $2 AND r.name < $2 || '~' AND starts_with(r.name, $2)
                  AND (r.tag_count > 0 OR r.manifest_count > 0)
                  AND ($1::bigint[] IS NULL OR r.project_id = ANY ($1))
                ORDER BY r.name
                LIMIT $3) AS r
         ORDER BY r.name, g.name
         LIMIT $3
        """,
        projects,
        name,
        limit,
    )
    return [row["id"] for row in rows]


async def list_projects(
    db: Database, projects: list[int] | None, *, registry: str | None = None
) -> list[asyncpg.Record]:
    """Return `id`, `project` and `registry` of visible projects, of one registry or of all (None)."""
    return await db.fetch(
        """
        SELECT p.id, p.name AS project, g.name AS registry
          FROM project AS p
          JOIN registry AS g ON g.id = p.registry_id
         WHERE ($1::bigint[] IS NULL OR p.id = ANY ($1))
           AND ($2::text IS NULL OR g.name = $2)
        """,
        projects,
        registry,
    )
