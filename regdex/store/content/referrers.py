"""SQL that lists referrers of a digest, found by subject or by tags that spell it: signatures, SBOMs, attestations."""

import asyncpg

from regdex.database import Database
from regdex.digest import Digest
from regdex.reference import spell_digest


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
    """Return referrers present in the repository, by (hash, algorithm) after `after`.

    Referrers are manifests whose subject is the digest, and targets of tags whose name spells the digest. If the
    referrers tag (`sha256-<hex>` alone) points to an index, the entries of the index are returned instead of the index.
    Content not read yet has no type.

    Sources: OCI distribution specification, "Listing Referrers" (`artifact_type` is the config's media type where the
    manifest names none) and "Referrers tag schema"; cosign's `.sig`, `.att` and `.sbom` tags.
    """
    return await db.fetch(
        """
        WITH spelling AS (
            SELECT tag, digest_id
              FROM tag
             WHERE repository_id = $1 AND tag >= $8 AND tag < $8 || '~' AND spelled_digest(tag) = $8
             UNION
            SELECT tag, digest_id
              FROM tag
             WHERE repository_id = $1 AND auxiliary AND spelled_digest(tag) = $8
        ), referrer AS (
            SELECT m.digest_id
              FROM digest AS s
              JOIN manifest AS m ON m.subject_digest_id = s.id
             WHERE s.hash = $3 AND s.algorithm = $2
             UNION
            SELECT spelling.digest_id
              FROM spelling
              LEFT JOIN manifest AS m ON m.digest_id = spelling.digest_id
             WHERE spelling.tag <> $8 OR NOT m.is_index
             UNION
            SELECT c.child_digest_id
              FROM spelling
              JOIN manifest_child AS c ON c.digest_id = spelling.digest_id
             WHERE spelling.tag = $8
        )
        SELECT coalesce(m.media_type, '') AS media_type, digest_text(d.algorithm, d.hash) AS digest,
               coalesce(m.size_bytes, 0) AS size_bytes,
               coalesce(nullif(m.artifact_type, ''), m.config_media_type, '') AS artifact_type,
               coalesce(m.annotations, '{}') AS annotations, d.hash AS key_hash, d.algorithm AS key_algorithm
          FROM referrer
          JOIN repository_manifest AS h ON h.repository_id = $1 AND h.digest_id = referrer.digest_id AND h.present
          JOIN digest AS d ON d.id = referrer.digest_id
          LEFT JOIN manifest AS m ON m.digest_id = referrer.digest_id
         WHERE ($4 = '' OR coalesce(nullif(m.artifact_type, ''), m.config_media_type) = $4)
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
        spell_digest(Digest(algorithm, hash)),
    )
