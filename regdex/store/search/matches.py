"""SQL of details added to search hits: matching tags, first sightings, and repositories that hold a digest."""

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from regdex.database import Database
from regdex.digest import hash_range

MAX_DIGESTS = 100
MAX_USES = 1000
MAX_HOLDERS = 1000


async def list_matching_tags(
    db: Database, repository_ids: Sequence[int], patterns: Sequence[str], *, limit: int = 10
) -> list[asyncpg.Record]:
    """Return `repository_id` and `tag` of tags that match any pattern, ignoring case: `limit` each, newest first.

    The caller must have checked that the repositories are visible; `patterns` are LIKE patterns from `regdex.glob`.
    """
    return await db.fetch(
        """
        SELECT asked.id AS repository_id, t.tag
          FROM unnest($1::bigint[]) AS asked (id)
         CROSS JOIN LATERAL (
               SELECT tag, coalesce(sorted_at, pushed_at) AS sorted_at,
                      coalesce(version_key, version_key(tag)) AS version_key
                 FROM tag
                WHERE repository_id = asked.id
                  AND lower(tag) LIKE ANY ($2::text[])
                  AND NOT coalesce(auxiliary, spelled_digest(tag) IS NOT NULL)
                ORDER BY coalesce(sorted_at, pushed_at) DESC, coalesce(version_key, version_key(tag)) DESC, tag
                LIMIT $3) AS t
         ORDER BY asked.id, t.sorted_at DESC, t.version_key DESC, t.tag
        """,
        repository_ids,
        [pattern.lower() for pattern in patterns],
        limit,
    )


async def list_sightings(db: Database, repository_ids: Sequence[int]) -> dict[int, datetime]:
    """Return when a scan last found each repository, or one of its tags, for the first time."""
    rows = await db.fetch(
        """
        SELECT id, coalesce(sighted_at, first_seen_at) AS sighted_at
          FROM repository
         WHERE id = ANY ($1::bigint[])
        """,
        repository_ids,
    )
    return {row["id"]: row["sighted_at"] for row in rows}


async def list_holders(
    db: Database, projects: list[int] | None, *, prefix: str, algorithm: int | None = None, limit: int = MAX_HOLDERS
) -> list[asyncpg.Record]:
    """Return `repository_id` and `digest` of repositories that hold a digest whose hash starts with the hex `prefix`.

    A digest is held as manifest or index, as config, or as layer; a repository is returned once, for the first of
    these, then the lowest hash. If more than `MAX_USES` visible manifests use a digest, only the oldest count; only the
    first `MAX_DIGESTS` digests are looked up.
    """
    first, last = hash_range(prefix)
    return await db.fetch(
        """
        WITH wanted AS MATERIALIZED (
            SELECT id, algorithm, hash
              FROM digest
             WHERE hash >= $2 AND hash <= $3
               AND ($4::smallint IS NULL OR algorithm = $4)
             ORDER BY hash, algorithm
             LIMIT $5
        ), used AS (
            SELECT 1 AS kind, id AS wanted_id, id AS manifest_id
              FROM wanted
             UNION ALL
            SELECT 2, wanted.id, u.digest_id
              FROM wanted
             CROSS JOIN LATERAL (
                   SELECT m.digest_id
                     FROM manifest AS m
                    WHERE m.config_digest_id = wanted.id
                      AND ($1::bigint[] IS NULL OR EXISTS (
                           SELECT FROM repository_manifest AS h JOIN repository AS r ON r.id = h.repository_id
                            WHERE h.digest_id = m.digest_id AND h.present AND r.project_id = ANY ($1) OFFSET 0))
                    ORDER BY m.digest_id
                    LIMIT $6) AS u
             UNION ALL
            SELECT 3, wanted.id, u.digest_id
              FROM wanted
             CROSS JOIN LATERAL (
                   SELECT l.digest_id
                     FROM manifest_layer AS l
                    WHERE l.layer_digest_id = wanted.id
                      AND ($1::bigint[] IS NULL OR EXISTS (
                           SELECT FROM repository_manifest AS h JOIN repository AS r ON r.id = h.repository_id
                            WHERE h.digest_id = l.digest_id AND h.present AND r.project_id = ANY ($1) OFFSET 0))
                    GROUP BY l.digest_id
                    ORDER BY l.digest_id
                    LIMIT $6) AS u
        ), held AS (
            SELECT DISTINCT ON (h.repository_id) h.repository_id, u.kind, w.algorithm, w.hash
              FROM used AS u
              JOIN wanted AS w ON w.id = u.wanted_id
              JOIN repository_manifest AS h ON h.digest_id = u.manifest_id AND h.present
              JOIN repository AS r ON r.id = h.repository_id
             WHERE $1::bigint[] IS NULL OR r.project_id = ANY ($1)
             ORDER BY h.repository_id, u.kind, w.hash, w.algorithm
        )
        SELECT repository_id, digest_text(algorithm, hash) AS digest
          FROM held
         ORDER BY kind, hash, algorithm, repository_id
         LIMIT $7
        """,
        projects,
        first,
        last,
        algorithm,
        MAX_DIGESTS,
        MAX_USES,
        limit,
    )
