"""SQL that reads current tags. Rows have the fields of the message `Tag`, in its order."""

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from regdex.database import Database
from regdex.store.catalog.gaps import Subject

TAG_FIELDS = (
    "registry",
    "repository",
    "tag",
    "digest",
    "media_type",
    "artifact_type",
    "total_size_bytes",
    "platforms",
    "created_at",
    "pushed_at",
    "exact",
    "not_before",
    "actor",
    "indexed",
    "first_seen_at",
)

# Every statement on tags selects these columns; `t` is the tag, `r` its repository, `g` its registry.
_COLUMNS = """
        SELECT g.name AS registry, r.name AS repository, t.tag, digest_text(d.algorithm, d.hash) AS digest,
               coalesce(m.media_type, '') AS media_type, coalesce(m.artifact_type, '') AS artifact_type,
               coalesce(m.total_size_bytes, 0) AS total_size_bytes,
               coalesce(p.platforms, m.platforms, '{}') AS platforms, m.created_at,
               CASE WHEN t.exact OR t.source = 1 OR t.not_before IS NOT NULL THEN t.pushed_at END AS pushed_at,
               t.exact, t.not_before, coalesce(a.name, '') AS actor, m.digest_id IS NOT NULL AS indexed,
               t.pushed_at AS first_seen_at"""
_JOINS = """
          JOIN digest AS d ON d.id = t.digest_id
          LEFT JOIN manifest AS m ON m.digest_id = t.digest_id
          LEFT JOIN partial_index AS p ON p.repository_id = r.id AND p.digest_id = t.digest_id
          LEFT JOIN actor AS a ON a.id = t.actor_id"""

_ONE = (
    _COLUMNS
    + """, t.digest_id, r.version, known_through(g, $5) AS indexed_through,
               is_complete(g, r.id, t.tag, $5, now(), now()) AS complete
          FROM registry AS g
          JOIN repository AS r ON r.registry_id = g.id
          JOIN tag AS t ON t.repository_id = r.id"""
    + _JOINS
    + """
         WHERE g.name = $2
           AND r.name = $3
           AND ($1::bigint[] IS NULL OR r.project_id = ANY ($1))
           AND t.tag = $4"""
)

# Describes the tags of one of the pages below, each of which reads a range of an index; $1 is the repository.
_DESCRIBED = (
    _COLUMNS
    + """, t.sorted_at
          FROM page AS t
          JOIN repository AS r ON r.id = $1
          JOIN registry AS g ON g.id = r.registry_id"""
    + _JOINS
)
_PAGE_BY_NAME = """
        WITH page AS (
            SELECT tag, digest_id, pushed_at, exact, source, not_before, actor_id, NULL AS sorted_at
              FROM tag
             WHERE repository_id = $1
               AND tag > $2
               AND tag >= $3
               AND tag < $3 || '~'
               AND tag LIKE $4
               AND ($5 OR NOT coalesce(auxiliary, spelled_digest(tag) IS NOT NULL))
             ORDER BY tag
             LIMIT $6
        )"""
_PAGE_NEWEST_FIRST = """
        WITH page AS (
            SELECT tag, digest_id, pushed_at, exact, source, not_before, actor_id,
                   coalesce(sorted_at, pushed_at) AS sorted_at,
                   coalesce(version_key, version_key(tag)) AS version_key
              FROM tag
             WHERE repository_id = $1
               AND ($2::timestamptz IS NULL OR coalesce(sorted_at, pushed_at) < $2
                    OR (coalesce(sorted_at, pushed_at) = $2
                        AND (coalesce(version_key, version_key(tag)) < (SELECT version_key($3))
                             OR (coalesce(version_key, version_key(tag)) = (SELECT version_key($3)) AND tag > $3))))
               AND tag LIKE $4
               AND ($5 OR NOT coalesce(auxiliary, spelled_digest(tag) IS NOT NULL))
             ORDER BY coalesce(sorted_at, pushed_at) DESC, coalesce(version_key, version_key(tag)) DESC, tag
             LIMIT $6
        )"""
_PAGE_BY_VERSION = """
        WITH page AS (
            SELECT tag, digest_id, pushed_at, exact, source, not_before, actor_id, NULL AS sorted_at,
                   coalesce(version_key, version_key(tag)) AS version_key
              FROM tag
             WHERE repository_id = $1
               AND ($2 = ''
                    OR coalesce(version_key, version_key(tag)) < (SELECT version_key($2))
                    OR (coalesce(version_key, version_key(tag)) = (SELECT version_key($2)) AND tag > $2))
               AND tag LIKE $3
               AND ($4 OR NOT coalesce(auxiliary, spelled_digest(tag) IS NOT NULL))
             ORDER BY coalesce(version_key, version_key(tag)) DESC, tag
             LIMIT $5
        )"""


async def get_tag(
    db: Database, projects: list[int] | None, registry: str, repository: str, tag: str, subjects: Sequence[Subject]
) -> asyncpg.Record | None:
    """Return one tag with its manifest's columns and the watermark; None if it does not exist or is not visible."""
    return await db.fetchrow(_ONE, projects, registry, repository, tag, list(subjects))


async def list_tags(
    db: Database, repository_id: int, *, pattern: str, prefix: str, with_artifacts: bool, after: str, limit: int
) -> list[asyncpg.Record]:
    """Return tags of a repository by name after `after`.

    `prefix` is the literal beginning of the LIKE pattern `pattern`; `with_artifacts` includes auxiliary tags.
    """
    return await db.fetch(
        _PAGE_BY_NAME + _DESCRIBED + " ORDER BY t.tag", repository_id, after, prefix, pattern, with_artifacts, limit
    )


async def list_newest_tags(
    db: Database,
    repository_id: int,
    *,
    pattern: str,
    with_artifacts: bool,
    after: tuple[datetime, str] | None,
    limit: int,
) -> list[asyncpg.Record]:
    """As `list_tags`, by `sorted_at` descending, then version descending, then name; `after` is (sorted_at, tag)."""
    return await db.fetch(
        _PAGE_NEWEST_FIRST + _DESCRIBED + " ORDER BY t.sorted_at DESC, t.version_key DESC, t.tag",
        repository_id,
        *(after or (None, "")),
        pattern,
        with_artifacts,
        limit,
    )


async def list_tags_by_version(
    db: Database, repository_id: int, *, pattern: str, with_artifacts: bool, after: str, limit: int
) -> list[asyncpg.Record]:
    """As `list_tags`, by version descending, then name; `after` is a tag, which need not exist any more."""
    return await db.fetch(
        _PAGE_BY_VERSION + _DESCRIBED + " ORDER BY t.version_key DESC, t.tag",
        repository_id,
        after,
        pattern,
        with_artifacts,
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
