"""SQL that reads current tags. Rows have the fields of the message `Tag`, in its order."""

from collections.abc import Sequence

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


async def get_tag(
    db: Database, projects: list[int] | None, registry: str, repository: str, tag: str, subjects: Sequence[Subject]
) -> asyncpg.Record | None:
    """Return one tag with its manifest's columns and the watermark; None if it does not exist or is not visible."""
    return await db.fetchrow(
        """
        SELECT g.name AS registry, r.name AS repository, t.tag, digest_text(d.algorithm, d.hash) AS digest,
               coalesce(m.media_type, '') AS media_type, coalesce(m.artifact_type, '') AS artifact_type,
               coalesce(m.total_size_bytes, 0) AS total_size_bytes,
               coalesce(p.platforms, m.platforms, '{}') AS platforms, m.created_at,
               CASE WHEN t.exact OR t.source = 1 OR t.not_before IS NOT NULL THEN t.pushed_at END AS pushed_at,
               t.exact, t.not_before, coalesce(a.name, '') AS actor, m.digest_id IS NOT NULL AS indexed,
               t.pushed_at AS first_seen_at, t.digest_id, r.version, known_through(g, $5) AS indexed_through,
               is_complete(g, r.id, t.tag, $5, now(), now()) AS complete
          FROM registry AS g
          JOIN repository AS r ON r.registry_id = g.id
          JOIN tag AS t ON t.repository_id = r.id
          JOIN digest AS d ON d.id = t.digest_id
          LEFT JOIN manifest AS m ON m.digest_id = t.digest_id
          LEFT JOIN partial_index AS p ON p.repository_id = r.id AND p.digest_id = t.digest_id
          LEFT JOIN actor AS a ON a.id = t.actor_id
         WHERE g.name = $2
           AND r.name = $3
           AND ($1::bigint[] IS NULL OR r.project_id = ANY ($1))
           AND t.tag = $4
        """,
        projects,
        registry,
        repository,
        tag,
        list(subjects),
    )


async def list_tags(
    db: Database,
    projects: list[int] | None,
    registry: str,
    repository: str,
    *,
    pattern: str,
    prefix: str,
    with_artifacts: bool,
    after: str,
    limit: int,
) -> list[asyncpg.Record]:
    """Return tags by name after `after`; no row if the repository is unknown, one row with tag NULL if it has no tags.

    `prefix` is the literal beginning of the LIKE pattern `pattern`; auxiliary tags are included only if
    `with_artifacts`.
    """
    return await db.fetch(
        """
        SELECT g.name AS registry, r.name AS repository, t.tag, digest_text(d.algorithm, d.hash) AS digest,
               coalesce(m.media_type, '') AS media_type, coalesce(m.artifact_type, '') AS artifact_type,
               coalesce(m.total_size_bytes, 0) AS total_size_bytes,
               coalesce(p.platforms, m.platforms, '{}') AS platforms, m.created_at,
               CASE WHEN t.exact OR t.source = 1 OR t.not_before IS NOT NULL THEN t.pushed_at END AS pushed_at,
               t.exact, t.not_before, coalesce(a.name, '') AS actor, m.digest_id IS NOT NULL AS indexed,
               t.pushed_at AS first_seen_at
          FROM registry AS g
          JOIN repository AS r ON r.registry_id = g.id
          LEFT JOIN LATERAL (
               SELECT tag, digest_id, pushed_at, exact, source, not_before, actor_id
                 FROM tag
                WHERE repository_id = r.id
                  AND tag > $4
                  AND tag >= $5
                  AND tag < $5 || '~'
                  AND tag LIKE $6
                  AND ($7 OR NOT coalesce(auxiliary, spelled_digest(tag) IS NOT NULL))
                ORDER BY tag
                LIMIT $8) AS t ON true
          LEFT JOIN digest AS d ON d.id = t.digest_id
          LEFT JOIN manifest AS m ON m.digest_id = t.digest_id
          LEFT JOIN partial_index AS p ON p.repository_id = r.id AND p.digest_id = t.digest_id
          LEFT JOIN actor AS a ON a.id = t.actor_id
         WHERE g.name = $2
           AND r.name = $3
           AND ($1::bigint[] IS NULL OR r.project_id = ANY ($1))
         ORDER BY t.tag
        """,
        projects,
        registry,
        repository,
        after,
        prefix,
        pattern,
        with_artifacts,
        limit,
    )


async def list_newest_tags(
    db: Database,
    projects: list[int] | None,
    registry: str,
    repository: str,
    *,
    pattern: str,
    with_artifacts: bool,
    after: tuple[object, str] | None,
    limit: int,
) -> list[asyncpg.Record]:
    """As `list_tags`, by `sorted_at` descending, then version descending, then name; `after` is (sorted_at, tag)."""
    return await db.fetch(
        """
        SELECT g.name AS registry, r.name AS repository, t.tag, digest_text(d.algorithm, d.hash) AS digest,
               coalesce(m.media_type, '') AS media_type, coalesce(m.artifact_type, '') AS artifact_type,
               coalesce(m.total_size_bytes, 0) AS total_size_bytes,
               coalesce(p.platforms, m.platforms, '{}') AS platforms, m.created_at,
               CASE WHEN t.exact OR t.source = 1 OR t.not_before IS NOT NULL THEN t.pushed_at END AS pushed_at,
               t.exact, t.not_before, coalesce(a.name, '') AS actor, m.digest_id IS NOT NULL AS indexed,
               t.pushed_at AS first_seen_at, t.sorted_at
          FROM registry AS g
          JOIN repository AS r ON r.registry_id = g.id
          LEFT JOIN LATERAL (
               SELECT tag, digest_id, pushed_at, exact, source, not_before, actor_id,
                      coalesce(sorted_at, pushed_at) AS sorted_at,
                      coalesce(version_key, version_key(tag)) AS version_key
                 FROM tag
                WHERE repository_id = r.id
                  AND ($4::timestamptz IS NULL OR coalesce(sorted_at, pushed_at) < $4
                       OR (coalesce(sorted_at, pushed_at) = $4
                           AND (coalesce(version_key, version_key(tag)) < (SELECT version_key($5))
                                OR (coalesce(version_key, version_key(tag)) = (SELECT version_key($5)) AND tag > $5))))
                  AND tag LIKE $6
                  AND ($7 OR NOT coalesce(auxiliary, spelled_digest(tag) IS NOT NULL))
                ORDER BY coalesce(sorted_at, pushed_at) DESC, coalesce(version_key, version_key(tag)) DESC, tag
                LIMIT $8) AS t ON true
          LEFT JOIN digest AS d ON d.id = t.digest_id
          LEFT JOIN manifest AS m ON m.digest_id = t.digest_id
          LEFT JOIN partial_index AS p ON p.repository_id = r.id AND p.digest_id = t.digest_id
          LEFT JOIN actor AS a ON a.id = t.actor_id
         WHERE g.name = $2
           AND r.name = $3
           AND ($1::bigint[] IS NULL OR r.project_id = ANY ($1))
         ORDER BY t.sorted_at DESC, t.version_key DESC, t.tag
        """,
        projects,
        registry,
        repository,
        *(after or (None, "")),
        pattern,
        with_artifacts,
        limit,
    )


async def list_tags_by_version(
    db: Database,
    projects: list[int] | None,
    registry: str,
    repository: str,
    *,
    pattern: str,
    with_artifacts: bool,
    after: str,
    limit: int,
) -> list[asyncpg.Record]:
    """As `list_tags`, by version descending, then name; `after` is a tag, which need not exist any more."""
    return await db.fetch(
        """
        SELECT g.name AS registry, r.name AS repository, t.tag, digest_text(d.algorithm, d.hash) AS digest,
               coalesce(m.media_type, '') AS media_type, coalesce(m.artifact_type, '') AS artifact_type,
               coalesce(m.total_size_bytes, 0) AS total_size_bytes,
               coalesce(p.platforms, m.platforms, '{}') AS platforms, m.created_at,
               CASE WHEN t.exact OR t.source = 1 OR t.not_before IS NOT NULL THEN t.pushed_at END AS pushed_at,
               t.exact, t.not_before, coalesce(a.name, '') AS actor, m.digest_id IS NOT NULL AS indexed,
               t.pushed_at AS first_seen_at
          FROM registry AS g
          JOIN repository AS r ON r.registry_id = g.id
          LEFT JOIN LATERAL (
               SELECT tag, digest_id, pushed_at, exact, source, not_before, actor_id,
                      coalesce(version_key, version_key(tag)) AS version_key
                 FROM tag
                WHERE repository_id = r.id
                  AND ($4 = ''
                       OR coalesce(version_key, version_key(tag)) < (SELECT version_key($4))
                       OR (coalesce(version_key, version_key(tag)) = (SELECT version_key($4)) AND tag > $4))
                  AND tag LIKE $5
                  AND ($6 OR NOT coalesce(auxiliary, spelled_digest(tag) IS NOT NULL))
                ORDER BY coalesce(version_key, version_key(tag)) DESC, tag
                LIMIT $7) AS t ON true
          LEFT JOIN digest AS d ON d.id = t.digest_id
          LEFT JOIN manifest AS m ON m.digest_id = t.digest_id
          LEFT JOIN partial_index AS p ON p.repository_id = r.id AND p.digest_id = t.digest_id
          LEFT JOIN actor AS a ON a.id = t.actor_id
         WHERE g.name = $2
           AND r.name = $3
           AND ($1::bigint[] IS NULL OR r.project_id = ANY ($1))
         ORDER BY t.version_key DESC, t.tag
        """,
        projects,
        registry,
        repository,
        after,
        pattern,
        with_artifacts,
        limit,
    )
