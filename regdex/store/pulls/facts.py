"""SQL of the manifest facts that counting uses, from complete manifests marked `manifest.counted`."""

from collections.abc import Sequence

from regdex.counting import Facts
from regdex.database import Connection, Database


async def load_facts(conn: Connection, digest_ids: Sequence[int], extra: Sequence[int] = ()) -> Facts:
    """Return the facts of these digests, as if the manifests `extra` were marked as counted too.

    A manifest is an artifact if its subject or type attaches it to an image, or if indexes list it as an attestation
    and none lists it as an image.
    """
    manifests = await conn.fetch(
        """
        WITH known AS (
            SELECT digest_id, is_attached(artifact_type, config_media_type, subject_digest_id) AS is_attached, os,
                   architecture, variant
              FROM manifest
             WHERE digest_id = ANY ($1::bigint[]) AND state = 'complete'
               AND (counted OR digest_id = ANY ($2::bigint[]))
        )
        SELECT asked.digest_id, concat_ws('/', known.os, known.architecture, nullif(known.variant, '')) AS platform,
               known.os IS NULL OR known.os IN ('', 'unknown') AS no_platform,
               known.is_attached IS TRUE OR (
                   NOT EXISTS (
                       SELECT FROM manifest_child AS child JOIN manifest AS parent USING (digest_id)
                        WHERE child.child_digest_id = asked.digest_id AND NOT child.attestation
                          AND (parent.counted OR parent.digest_id = ANY ($2::bigint[])))
                   AND EXISTS (
                       SELECT FROM manifest_child AS child JOIN manifest AS parent USING (digest_id)
                        WHERE child.child_digest_id = asked.digest_id AND child.attestation
                          AND (parent.counted OR parent.digest_id = ANY ($2::bigint[])))
               ) AS is_artifact
          FROM unnest($1::bigint[]) AS asked (digest_id)
          LEFT JOIN known USING (digest_id)
        """,
        digest_ids,
        extra,
    )
    listings = await conn.fetch(
        """
        SELECT child.digest_id, child.child_digest_id,
               CASE WHEN child.os IN ('', 'unknown') THEN ''
                    ELSE concat_ws('/', child.os, child.architecture, nullif(child.variant, '')) END AS platform
          FROM manifest_child AS child
          JOIN manifest AS parent USING (digest_id)
         WHERE child.digest_id = ANY ($1::bigint[]) AND child.child_digest_id = ANY ($1::bigint[])
           AND (parent.counted OR parent.digest_id = ANY ($2::bigint[]))
         ORDER BY child.digest_id, child.position DESC
        """,
        digest_ids,
        extra,
    )
    return Facts.of(
        artifacts=[row["digest_id"] for row in manifests if row["is_artifact"]],
        platforms={row["digest_id"]: row["platform"] for row in manifests if not row["no_platform"]},
        listings=[(row["digest_id"], row["child_digest_id"], row["platform"]) for row in listings],
    )


async def list_uncounted(db: Database, *, limit: int) -> list[int]:
    """Return digest ids of complete manifests not marked as counted, oldest first."""
    rows = await db.fetch(
        """
        SELECT digest_id
          FROM manifest
         WHERE state = 'complete' AND NOT counted
         ORDER BY digest_id
         LIMIT $1
        """,
        limit,
    )
    return [row["digest_id"] for row in rows]


async def list_affected(conn: Connection, digest_ids: Sequence[int]) -> list[int]:
    """Return digest ids whose counts may change when these manifests become known: they and what they attest to."""
    rows = await conn.fetch(
        """
        SELECT digest_id FROM unnest($1::bigint[]) AS digest_id
         UNION
        SELECT child.child_digest_id
          FROM manifest_child AS child
         WHERE child.digest_id = ANY ($1::bigint[])
           AND EXISTS (SELECT FROM manifest_child AS other
                        WHERE other.child_digest_id = child.child_digest_id AND other.attestation)
        """,
        digest_ids,
    )
    return [row["digest_id"] for row in rows]


async def mark_counted(conn: Connection, digest_ids: Sequence[int]) -> None:
    await conn.execute("UPDATE manifest SET counted = true WHERE digest_id = ANY ($1::bigint[])", digest_ids)
