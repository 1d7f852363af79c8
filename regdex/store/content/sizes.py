"""SQL that computes the size of a repository in bytes; each distinct manifest, config and layer counts once."""

from collections.abc import Sequence

from regdex.database import Connection, Database


async def refresh_sizes(db: Database, *, limit: int) -> list[int]:
    """Compute `size_bytes` of up to `limit` repositories whose content changed; return those whose size changed."""
    rows = await db.fetch(
        """
        WITH due AS (
            SELECT id, size_bytes
              FROM repository
             WHERE unsized
             ORDER BY id
             LIMIT $1
               FOR NO KEY UPDATE SKIP LOCKED
        ), content AS (
            SELECT due.id AS repository_id, manifest.digest_id, manifest.size_bytes
              FROM due
              JOIN repository_manifest AS held ON held.repository_id = due.id AND held.present
              JOIN manifest ON manifest.digest_id = held.digest_id
             UNION
            SELECT due.id, manifest.config_digest_id, manifest.config_size_bytes
              FROM due
              JOIN repository_manifest AS held ON held.repository_id = due.id AND held.present
              JOIN manifest ON manifest.digest_id = held.digest_id
             WHERE manifest.config_digest_id IS NOT NULL
             UNION
            SELECT due.id, layer.layer_digest_id, layer.size_bytes
              FROM due
              JOIN repository_manifest AS held ON held.repository_id = due.id AND held.present
              JOIN manifest_layer AS layer ON layer.digest_id = held.digest_id
        ), total AS (
            SELECT due.id, due.size_bytes AS before,
                   least(coalesce(sum(content.size_bytes), 0), 9223372036854775807)::bigint AS bytes
              FROM due
              LEFT JOIN content ON content.repository_id = due.id
             GROUP BY due.id, due.size_bytes
        )
        UPDATE repository
           SET size_bytes = total.bytes, unsized = false
          FROM total
         WHERE repository.id = total.id
        RETURNING repository.id, total.before <> total.bytes AS changed
        """,
        limit,
    )
    return [row["id"] for row in rows if row["changed"]]


async def mark_unsized(conn: Connection, repository_ids: Sequence[int]) -> None:
    """Mark repositories to have their sizes computed again, because content became known."""
    await conn.execute(
        "UPDATE repository SET unsized = true WHERE id = ANY ($1::bigint[]) AND NOT unsized", repository_ids
    )
