"""Tags as they are now. Each read is one statement; rows have the fields of the message `Tag`, in its order."""

import asyncpg

from regdex.database import Database

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
)


async def get_tag(
    db: Database, projects: list[int] | None, registry: str, repository: str, tag: str
) -> asyncpg.Record | None:
    """One tag with its manifest's facts, and the watermark behind; None when it is not there or not visible."""
    return await db.fetchrow(
        """
        SELECT g.name AS registry, r.name AS repository, t.tag, digest_text(d.algorithm, d.hash) AS digest,
               coalesce(m.media_type, '') AS media_type, coalesce(m.artifact_type, '') AS artifact_type,
               coalesce(m.total_size_bytes, 0) AS total_size_bytes,
               coalesce(p.platforms, m.platforms, '{}') AS platforms, m.created_at, t.pushed_at, t.exact,
               t.not_before, coalesce(a.name, '') AS actor,
               m.digest_id IS NOT NULL AS indexed, t.digest_id, g.events_through AS indexed_through, g.complete
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
    """Tags by name after `after`; no row when the repository is not known, one with tag NULL when it has none.

    `prefix` is the literal beginning of the LIKE `pattern`. The expression is that of `reference.is_artifact_tag`.
    """
    return await db.fetch(
        r"""
        SELECT g.name AS registry, r.name AS repository, t.tag, digest_text(d.algorithm, d.hash) AS digest,
               coalesce(m.media_type, '') AS media_type, coalesce(m.artifact_type, '') AS artifact_type,
               coalesce(m.total_size_bytes, 0) AS total_size_bytes,
               coalesce(p.platforms, m.platforms, '{}') AS platforms, m.created_at, t.pushed_at, t.exact,
               t.not_before, coalesce(a.name, '') AS actor,
               m.digest_id IS NOT NULL AS indexed, g.events_through AS indexed_through, g.complete
          FROM registry AS g
          JOIN repository AS r ON r.registry_id = g.id
          LEFT JOIN LATERAL (
               SELECT tag, digest_id, pushed_at, exact, not_before, actor_id
                 FROM tag
                WHERE repository_id = r.id
                  AND tag > $4
                  AND tag >= $5
                  AND tag < $5 || '~'
                  AND tag LIKE $6
                  AND ($7 OR length(tag) < 71 OR tag !~ '^sha(256|512)-[0-9a-f]{64}(\.(sig|att|sbom))?$')
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
    """As `list_tags`, last moved first, then by name; `after` is (pushed_at, tag)."""
    return await db.fetch(
        r"""
        SELECT g.name AS registry, r.name AS repository, t.tag, digest_text(d.algorithm, d.hash) AS digest,
               coalesce(m.media_type, '') AS media_type, coalesce(m.artifact_type, '') AS artifact_type,
               coalesce(m.total_size_bytes, 0) AS total_size_bytes,
               coalesce(p.platforms, m.platforms, '{}') AS platforms, m.created_at, t.pushed_at, t.exact,
               t.not_before, coalesce(a.name, '') AS actor,
               m.digest_id IS NOT NULL AS indexed, g.events_through AS indexed_through, g.complete
          FROM registry AS g
          JOIN repository AS r ON r.registry_id = g.id
          LEFT JOIN LATERAL (
               SELECT tag, digest_id, pushed_at, exact, not_before, actor_id
                 FROM tag
                WHERE repository_id = r.id
                  AND ($4::timestamptz IS NULL OR pushed_at < $4 OR (pushed_at = $4 AND tag > $5))
                  AND tag LIKE $6
                  AND ($7 OR length(tag) < 71 OR tag !~ '^sha(256|512)-[0-9a-f]{64}(\.(sig|att|sbom))?$')
                ORDER BY pushed_at DESC, tag
                LIMIT $8) AS t ON true
          LEFT JOIN digest AS d ON d.id = t.digest_id
          LEFT JOIN manifest AS m ON m.digest_id = t.digest_id
          LEFT JOIN partial_index AS p ON p.repository_id = r.id AND p.digest_id = t.digest_id
          LEFT JOIN actor AS a ON a.id = t.actor_id
         WHERE g.name = $2
           AND r.name = $3
           AND ($1::bigint[] IS NULL OR r.project_id = ANY ($1))
         ORDER BY t.pushed_at DESC, t.tag
        """,
        projects,
        registry,
        repository,
        *(after or (None, "")),
        pattern,
        with_artifacts,
        limit,
    )
