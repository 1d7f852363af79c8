"""SQL that finds where a digest is used, across registries: as manifest, index, config, layer, diff ID or chain ID."""

import asyncpg

from regdex.database import Database


async def list_digests(
    db: Database, *, first: bytes, last: bytes, algorithm: int | None, after: tuple[bytes, int], limit: int
) -> list[asyncpg.Record]:
    """Return known digests with a hash in [first, last], by (hash, algorithm), from `after` on, inclusive."""
    return await db.fetch(
        """
        SELECT algorithm, hash
          FROM digest
         WHERE hash >= $1
           AND hash <= $2
           AND ($3::smallint IS NULL OR algorithm = $3)
           AND (hash, algorithm) >= ($4, $5)
         ORDER BY hash, algorithm
         LIMIT $6
        """,
        first,
        last,
        algorithm,
        *after,
        limit,
    )


async def list_places(
    db: Database,
    projects: list[int] | None,
    *,
    algorithm: int,
    hash: bytes,
    after: tuple[int, int, int],
    limit: int,
) -> list[asyncpg.Record]:
    """Return places of one digest, ordered after `after`: the columns (key_kind, key_manifest, key_repository).

    Each kind has its own branch, which reads its index in order and stops at the page: a layer of a hundred thousand
    manifests costs no more than a layer of one. `OFFSET 0` keeps the planner from joining visibility before the limit.
    The limit is increased by 1 because the manifest of `after` may have no place left.
    """
    return await db.fetch(
        """
        WITH wanted AS MATERIALIZED (
            SELECT id FROM digest WHERE hash = $3 AND algorithm = $2
        ), used AS (
            (SELECT 1 AS kind, id AS manifest_id
               FROM wanted
              WHERE $4 <= 1)
              UNION ALL
            (SELECT 2, u.digest_id
               FROM manifest AS u
              WHERE u.config_digest_id = (SELECT id FROM wanted)
                AND $4 <= 2
                AND u.digest_id >= CASE $4 WHEN 2 THEN $5 ELSE 0 END
                AND ($1::bigint[] IS NULL OR EXISTS (
                     SELECT FROM repository_manifest AS h JOIN repository AS r ON r.id = h.repository_id
                      WHERE h.digest_id = u.digest_id AND r.project_id = ANY ($1) OFFSET 0))
              ORDER BY u.digest_id
              LIMIT $7 + 1)
              UNION ALL
            (SELECT 3, u.digest_id
               FROM manifest_layer AS u
              WHERE u.layer_digest_id = (SELECT id FROM wanted)
                AND $4 <= 3
                AND u.digest_id >= CASE $4 WHEN 3 THEN $5 ELSE 0 END
                AND ($1::bigint[] IS NULL OR EXISTS (
                     SELECT FROM repository_manifest AS h JOIN repository AS r ON r.id = h.repository_id
                      WHERE h.digest_id = u.digest_id AND r.project_id = ANY ($1) OFFSET 0))
              GROUP BY u.digest_id
              ORDER BY u.digest_id
              LIMIT $7 + 1)
              UNION ALL
            (SELECT 4, u.digest_id
               FROM manifest_layer AS u
              WHERE u.diff_digest_id = (SELECT id FROM wanted)
                AND $4 <= 4
                AND u.digest_id >= CASE $4 WHEN 4 THEN $5 ELSE 0 END
                AND ($1::bigint[] IS NULL OR EXISTS (
                     SELECT FROM repository_manifest AS h JOIN repository AS r ON r.id = h.repository_id
                      WHERE h.digest_id = u.digest_id AND r.project_id = ANY ($1) OFFSET 0))
              GROUP BY u.digest_id
              ORDER BY u.digest_id
              LIMIT $7 + 1)
              UNION ALL
            (SELECT 5, u.digest_id
               FROM manifest_layer AS u
              WHERE u.chain_digest_id = (SELECT id FROM wanted)
                AND u.digest_id >= CASE $4 WHEN 5 THEN $5 ELSE 0 END
                AND ($1::bigint[] IS NULL OR EXISTS (
                     SELECT FROM repository_manifest AS h JOIN repository AS r ON r.id = h.repository_id
                      WHERE h.digest_id = u.digest_id AND r.project_id = ANY ($1) OFFSET 0))
              GROUP BY u.digest_id
              ORDER BY u.digest_id
              LIMIT $7 + 1)
        ), placed AS MATERIALIZED (
            SELECT u.kind, u.manifest_id, h.repository_id, r.registry_id, r.name, h.present, h.first_seen_at,
                   h.last_seen_at
              FROM used AS u
              JOIN repository_manifest AS h ON h.digest_id = u.manifest_id
              JOIN repository AS r ON r.id = h.repository_id
             WHERE ($1::bigint[] IS NULL OR r.project_id = ANY ($1))
               AND (u.kind, u.manifest_id, h.repository_id) > ($4, $5, $6)
             ORDER BY u.kind, u.manifest_id, h.repository_id
             LIMIT $7
        )
        SELECT digest_text($2, $3) AS digest,
               CASE p.kind
                    WHEN 1 THEN CASE WHEN m.is_index THEN 'index' ELSE 'manifest' END
                    WHEN 2 THEN 'config' WHEN 3 THEN 'layer' WHEN 4 THEN 'diff_id' ELSE 'chain_id' END AS kind,
               g.name AS registry, p.name AS repository, digest_text(d.algorithm, d.hash) AS manifest_digest,
               coalesce(m.media_type, '') AS media_type,
               ARRAY (SELECT tag
                        FROM tag
                       WHERE repository_id = p.repository_id
                         AND digest_id IN (SELECT p.manifest_id
                                            UNION ALL
                                           SELECT digest_id FROM manifest_child WHERE child_digest_id = p.manifest_id)
                       ORDER BY tag
                       LIMIT 100) AS tags,
               CASE WHEN m.is_index THEN '' ELSE coalesce(m.platforms[1], '') END AS platform,
               p.present, p.first_seen_at, p.last_seen_at,
               p.kind AS key_kind, p.manifest_id AS key_manifest, p.repository_id AS key_repository
          FROM placed AS p
          JOIN registry AS g ON g.id = p.registry_id
          JOIN digest AS d ON d.id = p.manifest_id
          LEFT JOIN manifest AS m ON m.digest_id = p.manifest_id
         ORDER BY p.kind, p.manifest_id, p.repository_id
        """,
        projects,
        algorithm,
        hash,
        *after,
        limit,
    )
