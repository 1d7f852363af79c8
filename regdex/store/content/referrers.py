"""Manifests that refer to a digest: signatures, SBOMs, attestations."""

import asyncpg

from regdex.database import Database


async def list_referrers(
    db: Database,
    repository_id: int,
    *,
    algorithm: int,
    hash: bytes,
    artifact_type: str,
    after: tuple[bytes, int],
    limit: int,
) -> list[asyncpg.Record]:
    """Referrers present in the repository by (hash, algorithm) after `after`.

    Source of `artifact_type`: OCI distribution specification, "Listing Referrers": the config's media type where the
    manifest names none.
    """
    return await db.fetch(
        """
        SELECT m.media_type, digest_text(d.algorithm, d.hash) AS digest, m.size_bytes,
               coalesce(nullif(m.artifact_type, ''), m.config_media_type) AS artifact_type, m.annotations,
               d.hash AS key_hash, d.algorithm AS key_algorithm
          FROM digest AS s
          JOIN manifest AS m ON m.subject_digest_id = s.id
          JOIN repository_manifest AS h ON h.repository_id = $1 AND h.digest_id = m.digest_id AND h.present
          JOIN digest AS d ON d.id = m.digest_id
         WHERE s.hash = $3
           AND s.algorithm = $2
           AND ($4 = '' OR coalesce(nullif(m.artifact_type, ''), m.config_media_type) = $4)
           AND (d.hash, d.algorithm) > ($5, $6)
         ORDER BY d.hash, d.algorithm
         LIMIT $7
        """,
        repository_id,
        algorithm,
        hash,
        artifact_type,
        *after,
        limit,
    )
