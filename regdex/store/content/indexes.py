"""What of an index follows from its children: size, platforms, time of creation, and what a repository lacks of it."""

from collections.abc import Sequence

import asyncpg

from regdex.database import Connection

# How many levels of indexes within indexes are followed.
MAX_DEPTH = 3


async def list_indexes_above(conn: Connection, digest_ids: Sequence[int]) -> list[int]:
    """The indexes among `digest_ids` and those that list any of them, locked, children's first."""
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
    """Compute sizes, platforms and times of indexes from what is known of their children; returns those that changed.

    An index was created when the newest of its images was; where no image says when, as its own annotation says.
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
                          AND c.os NOT IN ('', 'unknown')
                          AND c.architecture <> ''
                        UNION
                       SELECT unnest(m.platforms)
                         FROM manifest_child AS c
                         JOIN manifest AS m ON m.digest_id = c.child_digest_id
                        WHERE c.digest_id = i.digest_id
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


async def refresh_partial_indexes(conn: Connection, manifests: Sequence[tuple[int, int]]) -> set[int]:
    """Find out which indexes are only partly in their repository, and the platforms that are there.

    `manifests` are (repository id, digest id) whose presence or content changed: these and the indexes above them are
    looked at. To be called under the lock of the repositories. Returns the repositories where something changed.
    """
    repository_ids: set[int] = set()
    asked = list(manifests)
    for _ in range(MAX_DEPTH):
        if not asked:
            break
        rows = await conn.fetch(
            """
            WITH asked AS MATERIALIZED (
                SELECT n.repository_id, n.digest_id
                  FROM unnest($1::bigint[], $2::bigint[]) AS n (repository_id, digest_id)
                  JOIN manifest AS i ON i.digest_id = n.digest_id AND i.is_index
                 UNION
                SELECT n.repository_id, c.digest_id
                  FROM unnest($1::bigint[], $2::bigint[]) AS n (repository_id, digest_id)
                  JOIN manifest_child AS c ON c.child_digest_id = n.digest_id
                  JOIN repository_manifest AS h ON h.repository_id = n.repository_id AND h.digest_id = c.digest_id
            ), here AS MATERIALIZED (
                SELECT a.repository_id, a.digest_id, i.platforms AS all_platforms,
                       ARRAY (
                           SELECT concat_ws('/', c.os, c.architecture, nullif(c.variant, ''))
                             FROM manifest_child AS c
                            WHERE c.digest_id = a.digest_id
                              AND c.os NOT IN ('', 'unknown')
                              AND c.architecture <> ''
                              AND is_present(a.repository_id, c.child_digest_id) IS NOT FALSE
                            UNION
                           SELECT unnest(coalesce(p.platforms, m.platforms))
                             FROM manifest_child AS c
                             JOIN manifest AS m ON m.digest_id = c.child_digest_id
                             LEFT JOIN partial_index AS p
                               ON p.repository_id = a.repository_id AND p.digest_id = c.child_digest_id
                            WHERE c.digest_id = a.digest_id
                              AND c.os = ''
                              AND is_present(a.repository_id, c.child_digest_id) IS NOT FALSE
                            ORDER BY 1) AS platforms
                  FROM asked AS a
                  JOIN manifest AS i ON i.digest_id = a.digest_id
            ), healed AS (
                DELETE FROM partial_index AS p
                 USING here
                 WHERE p.repository_id = here.repository_id
                   AND p.digest_id = here.digest_id
                   AND here.platforms = here.all_platforms
                RETURNING p.repository_id, p.digest_id
            ), written AS (
                INSERT INTO partial_index AS p (repository_id, digest_id, platforms)
                SELECT repository_id, digest_id, platforms
                  FROM here
                 WHERE platforms <> all_platforms
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
        asked = [(row["repository_id"], row["digest_id"]) for row in rows]
        repository_ids |= {repository_id for repository_id, _ in asked}
    return repository_ids
