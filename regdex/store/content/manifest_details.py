"""SQL that reads a manifest in a repository: its content, its layers or children, and the tags that point to it."""

from collections.abc import Sequence

import asyncpg

from regdex.database import Database
from regdex.digest import Digest
from regdex.store.catalog.gaps import Subject


async def get_manifest(
    db: Database,
    projects: list[int] | None,
    registry: str,
    repository: str,
    digest: Digest,
    subjects: Sequence[Subject],
) -> asyncpg.Record | None:
    """Return a manifest as stored in a repository; None if it was never seen there or is not visible.

    Until the content has been read, `state` is `pending` and columns of the content are empty.
    """
    return await db.fetchrow(
        """
        SELECT r.id AS repository_id, d.id AS digest_id, digest_text(d.algorithm, d.hash) AS digest,
               coalesce(m.media_type, '') AS media_type, coalesce(m.artifact_type, '') AS artifact_type,
               coalesce(m.is_index, false) AS is_index, coalesce(m.size_bytes, 0) AS size_bytes,
               coalesce(m.total_size_bytes, 0) AS total_size_bytes,
               digest_text(c.algorithm, c.hash) AS config_digest, m.config_media_type, m.config_size_bytes,
               digest_text(s.algorithm, s.hash) AS subject, m.os, m.architecture, m.variant, m.os_version, m.created_at,
               coalesce(m.labels, '{}') AS labels, coalesce(m.annotations, '{}') AS annotations,
               coalesce(m.history, '[]') AS history, coalesce(m.state, 'pending') AS state,
               coalesce(m.problem, '') AS problem, coalesce(m.truncated, false) AS truncated,
               h.present, h.first_seen_at, h.last_seen_at, r.version, known_through(g, $6) AS indexed_through,
               is_complete(g, r.id, digest_text(d.algorithm, d.hash), $6, now(), now()) AS complete,
               ARRAY (SELECT t.tag
                        FROM tag AS t
                       WHERE t.repository_id = r.id AND t.digest_id = d.id
                       ORDER BY t.tag
                       LIMIT 1000) AS tags
          FROM registry AS g
          JOIN repository AS r ON r.registry_id = g.id
          JOIN digest AS d ON d.hash = $5 AND d.algorithm = $4
          JOIN repository_manifest AS h ON h.repository_id = r.id AND h.digest_id = d.id
          LEFT JOIN manifest AS m ON m.digest_id = d.id
          LEFT JOIN digest AS c ON c.id = m.config_digest_id
          LEFT JOIN digest AS s ON s.id = m.subject_digest_id
         WHERE g.name = $2
           AND r.name = $3
           AND ($1::bigint[] IS NULL OR r.project_id = ANY ($1))
        """,
        projects,
        registry,
        repository,
        digest.algorithm,
        digest.hash,
        list(subjects),
    )


async def find_by_config(
    db: Database, projects: list[int] | None, registry: str, repository: str, config: Digest
) -> Digest | None:
    """Return the manifest of a repository with this config; prefers present ones, then the last seen."""
    row = await db.fetchrow(
        """
        SELECT d.algorithm, d.hash
          FROM registry AS g
          JOIN repository AS r ON r.registry_id = g.id
          JOIN digest AS c ON c.hash = $5 AND c.algorithm = $4
          JOIN manifest AS m ON m.config_digest_id = c.id
          JOIN repository_manifest AS h ON h.repository_id = r.id AND h.digest_id = m.digest_id
          JOIN digest AS d ON d.id = m.digest_id
         WHERE g.name = $2
           AND r.name = $3
           AND ($1::bigint[] IS NULL OR r.project_id = ANY ($1))
         ORDER BY h.present DESC, h.last_seen_at DESC, m.digest_id DESC
         LIMIT 1
        """,
        projects,
        registry,
        repository,
        config.algorithm,
        config.hash,
    )
    return Digest(row["algorithm"], row["hash"]) if row else None


async def list_layers(db: Database, digest_id: int) -> list[asyncpg.Record]:
    """Return layers of a manifest, bottom first, with the fields of the message `Layer`."""
    return await db.fetch(
        """
        SELECT l.media_type, digest_text(d.algorithm, d.hash) AS digest, l.size_bytes,
               coalesce(digest_text(f.algorithm, f.hash), '') AS diff_id,
               coalesce(digest_text(c.algorithm, c.hash), '') AS chain_id
          FROM manifest_layer AS l
          JOIN digest AS d ON d.id = l.layer_digest_id
          LEFT JOIN digest AS f ON f.id = l.diff_digest_id
          LEFT JOIN digest AS c ON c.id = l.chain_digest_id
         WHERE l.digest_id = $1
         ORDER BY l.position
        """,
        digest_id,
    )


async def list_children(db: Database, repository_id: int, digest_id: int) -> list[asyncpg.Record]:
    """Return entries of an index in its own order; `missing` if the repository is known not to have the child."""
    return await db.fetch(
        """
        SELECT c.media_type, digest_text(d.algorithm, d.hash) AS digest, c.size_bytes, c.artifact_type, c.os,
               c.architecture, c.variant, c.os_version, c.annotations, c.child_digest_id AS digest_id,
               is_present($1, c.child_digest_id) IS FALSE AS missing
          FROM manifest_child AS c
          JOIN digest AS d ON d.id = c.child_digest_id
         WHERE c.digest_id = $2
         ORDER BY c.position
        """,
        repository_id,
        digest_id,
    )


async def describe_digests(db: Database, ids: Sequence[int]) -> list[asyncpg.Record]:
    """Return the columns that a list of tags shows of manifests, whether or not their content was read."""
    return await db.fetch(
        """
        SELECT d.id, digest_text(d.algorithm, d.hash) AS digest, coalesce(m.media_type, '') AS media_type,
               coalesce(m.artifact_type, '') AS artifact_type, coalesce(m.total_size_bytes, 0) AS total_size_bytes,
               coalesce(m.platforms, '{}') AS platforms, m.created_at, m.digest_id IS NOT NULL AS indexed
          FROM digest AS d
          LEFT JOIN manifest AS m ON m.digest_id = d.id
         WHERE d.id = ANY ($1::bigint[])
        """,
        ids,
    )


async def list_tag_facts(db: Database, ids: Sequence[int | None]) -> dict[int | None, asyncpg.Record]:
    """Return `created_at` and `is_attached` by digest id; manifests not read yet are left out."""
    rows = await db.fetch(
        """
        SELECT digest_id, created_at, is_attached(artifact_type, config_media_type, subject_digest_id) AS is_attached
          FROM manifest
         WHERE digest_id = ANY ($1::bigint[])
        """,
        ids,
    )
    return {row["digest_id"]: row for row in rows}


async def list_partial_indexes(db: Database, repository_id: int, digest_ids: Sequence[int]) -> dict[int, list[str]]:
    """Return the platforms that are present, by digest id, of indexes only partly present in the repository."""
    rows = await db.fetch(
        "SELECT digest_id, platforms FROM partial_index WHERE repository_id = $1 AND digest_id = ANY ($2::bigint[])",
        repository_id,
        digest_ids,
    )
    return {row["digest_id"]: row["platforms"] for row in rows}


async def find_manifest(db: Database, repository_id: int, digest: Digest) -> asyncpg.Record | None:
    """Return a manifest's presence in a repository and when it was first seen; None if it was never seen there."""
    return await db.fetchrow(
        """
        SELECT h.digest_id, coalesce(m.media_type, '') AS media_type, h.present, h.first_seen_at
          FROM digest AS d
          JOIN repository_manifest AS h ON h.digest_id = d.id AND h.repository_id = $1
          LEFT JOIN manifest AS m ON m.digest_id = d.id
         WHERE d.hash = $3
           AND d.algorithm = $2
        """,
        repository_id,
        digest.algorithm,
        digest.hash,
    )


async def get_platform_facts(db: Database, digest_id: int) -> asyncpg.Record | None:
    """Return the platform that an image states; None until its content has been read."""
    return await db.fetchrow(
        "SELECT is_index, os, architecture, variant, os_version FROM manifest WHERE digest_id = $1", digest_id
    )
