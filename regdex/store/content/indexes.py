"""SQL that derives columns of indexes from their children: size, platforms, creation time, and missing children."""

from collections.abc import Sequence

import asyncpg

from regdex.database import Connection

# Maximum of levels followed where indexes list indexes.
MAX_DEPTH = 3


async def list_indexes_above(conn: Connection, digest_ids: Sequence[int]) -> list[int]:
    """Lock and return the indexes among `digest_ids` and those that list any of them, in order of id."""
    rows: list[asyncpg.Record] = await conn.fetch(
        """
        SELECT digest_id
          FROM manifest
         WHERE is_index
           AND (digest_id = ANY ($1::bigint[])
                OR digest_id IN (SELECT digest_id FROM manifest_child WHERE child_digest_id = ANY ($1::bigint[])))
         ORDER BY digest_id
           FOR NO KEY UPDATE
        """,
        digest_ids,
    )
    return [row["digest_id"] for row in rows]


async def refresh_indexes(conn: Connection, digest_ids: Sequence[int]) -> list[int]:
    """Derive sizes, platforms and times of indexes from their known children; return those that changed.

    `created_at` is that of the newest image; if no image has one, the index's own annotation is used.
    """
    rows = await conn.fetch(
        """
        WITH total AS (
            SELECT i.digest_id,
                   least(i.size_bytes + coalesce((
                       SELECT sum(m.total_size_bytes)
                         FROM manifest_child AS c
                         JOIN manifest AS m ON m.digest_id = c.child_digest_id
                        WHERE c.digest_id = i.digest_id), 0), 9223372036854775807)::bigint AS bytes,
                   ARRAY (
                       SELECT concat_ws('/', c.os, c.architecture, nullif(c.variant, ''))
                         FROM manifest_child AS c
                        WHERE c.digest_id = i.digest_id
                          AND NOT c.attestation
                          AND c.os NOT IN ('', 'unknown')
                          AND c.architecture <> ''
                        UNION
                       SELECT unnest(m.platforms)
                         FROM manifest_child AS c
                         JOIN manifest AS m ON m.digest_id = c.child_digest_id
                        WHERE c.digest_id = i.digest_id
                          AND NOT c.attestation
                          AND c.os = ''
                        ORDER BY 1) AS platforms,
                   coalesce((
                       SELECT max(m.created_at)
                         FROM manifest_child AS c
                         JOIN manifest AS m ON m.digest_id = c.child_digest_id
                        WHERE c.digest_id = i.digest_id
                          AND NOT c.attestation), i.created_at) AS created_at
              FROM manifest AS i
             WHERE i.digest_id = ANY ($1::bigint[])
        )
        UPDATE manifest AS i
           SET total_size_bytes = total.bytes, platforms = total.platforms, created_at = total.created_at
          FROM total
         WHERE i.digest_id = total.digest_id
           AND (i.total_size_bytes, i.platforms, i.created_at)
               IS DISTINCT FROM (total.bytes, total.platforms, total.created_at)
        RETURNING i.digest_id
        """,
        digest_ids,
    )
    return [row["digest_id"] for row in rows]


async def refresh_partial_indexes(conn: Connection, manifests: Sequence[tuple[int, int, bool]]) -> set[int]:
    """Find which indexes are only partly present in their repository, and which of their platforms are.

    `manifests` are (repository id, digest id, whether it is absent) whose presence or content changed. The function
    checks them and the indexes above them: all above an absent manifest, but only known partial ones above a present
    one. The caller must hold the lock of the repositories. Returns ids of repositories where something changed.
    """
    repository_ids: set[int] = set()
    asked = list(manifests)
    for _ in range(MAX_DEPTH):
        if not asked:
            break
        rows = await conn.fetch(
            """
            WITH named AS MATERIALIZED (
                SELECT repository_id, digest_id, is_absent
                  FROM unnest($1::bigint[], $2::bigint[], $3::boolean[]) AS n (repository_id, digest_id, is_absent)
            ), asked AS MATERIALIZED (
                SELECT n.repository_id, n.digest_id
                  FROM named AS n
                  JOIN manifest AS i ON i.digest_id = n.digest_id AND i.is_index
                 UNION
                SELECT n.repository_id, c.digest_id
                  FROM named AS n
                  JOIN manifest_child AS c ON c.child_digest_id = n.digest_id
                  JOIN repository_manifest AS h ON h.repository_id = n.repository_id AND h.digest_id = c.digest_id
                 WHERE n.is_absent
                 UNION
                SELECT n.repository_id, c.digest_id
                  FROM named AS n
                  JOIN manifest_child AS c ON c.child_digest_id = n.digest_id
                  JOIN partial_index AS p ON p.repository_id = n.repository_id AND p.digest_id = c.digest_id
            ), child AS MATERIALIZED (
                SELECT a.repository_id, a.digest_id, c.os, c.architecture, c.variant, c.attestation,
                       is_present(a.repository_id, c.child_digest_id) IS NOT FALSE AS is_there,
                       p.digest_id IS NOT NULL AS is_partial, coalesce(p.platforms, m.platforms) AS platforms
                  FROM asked AS a
                  JOIN manifest_child AS c ON c.digest_id = a.digest_id
                  LEFT JOIN manifest AS m ON m.digest_id = c.child_digest_id
                  LEFT JOIN partial_index AS p
                    ON p.repository_id = a.repository_id AND p.digest_id = c.child_digest_id
            ), partial AS MATERIALIZED (
                SELECT a.repository_id, a.digest_id,
                       ARRAY (
                           SELECT concat_ws('/', c.os, c.architecture, nullif(c.variant, ''))
                             FROM child AS c
                            WHERE c.repository_id = a.repository_id
                              AND c.digest_id = a.digest_id
                              AND c.is_there
                              AND NOT c.attestation
                              AND c.os NOT IN ('', 'unknown')
                              AND c.architecture <> ''
                            UNION
                           SELECT unnest(c.platforms)
                             FROM child AS c
                            WHERE c.repository_id = a.repository_id
                              AND c.digest_id = a.digest_id
                              AND c.is_there
                              AND NOT c.attestation
                              AND c.os = ''
                            ORDER BY 1) AS platforms
                  FROM asked AS a
                 WHERE EXISTS (SELECT
                                 FROM child AS c
                                WHERE c.repository_id = a.repository_id
                                  AND c.digest_id = a.digest_id
                                  AND (NOT c.is_there OR c.is_partial))
            ), healed AS (
                DELETE FROM partial_index AS p
                 USING asked AS a
                 WHERE p.repository_id = a.repository_id
                   AND p.digest_id = a.digest_id
                   AND (a.repository_id, a.digest_id) NOT IN (SELECT repository_id, digest_id FROM partial)
                RETURNING p.repository_id, p.digest_id
            ), written AS (
                INSERT INTO partial_index AS p (repository_id, digest_id, platforms)
                SELECT repository_id, digest_id, platforms
                  FROM partial
                    ON CONFLICT (repository_id, digest_id) DO UPDATE
                   SET platforms = excluded.platforms
                 WHERE p.platforms <> excluded.platforms
                RETURNING p.repository_id, p.digest_id
            )
            SELECT repository_id, digest_id FROM healed
             UNION ALL
            SELECT repository_id, digest_id FROM written
            """,
            *zip(*asked, strict=True),
        )
        asked = [(row["repository_id"], row["digest_id"], True) for row in rows]
        repository_ids |= {repository_id for repository_id, _, _ in asked}
    return repository_ids
