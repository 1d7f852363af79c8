"""Content as it is stored: manifests, their layers, the entries of indexes. Written once per digest."""

from collections.abc import Sequence
from typing import Any

import asyncpg

from regdex.database import Connection, Database
from regdex.digest import Digest


async def list_known(db: Database, digests: Sequence[Digest]) -> set[Digest]:
    """Those whose content need never be fetched again."""
    rows = await db.fetch(
        """
        SELECT d.algorithm, d.hash
          FROM unnest($1::bytea[], $2::smallint[]) AS wanted (hash, algorithm)
          JOIN digest AS d ON d.hash = wanted.hash AND d.algorithm = wanted.algorithm
          JOIN manifest AS m ON m.digest_id = d.id
         WHERE m.state IN ('complete', 'unsupported')
        """,
        [digest.hash for digest in digests],
        [digest.algorithm for digest in digests],
    )
    return {Digest(row["algorithm"], row["hash"]) for row in rows}


async def list_present(db: Database, registry_id: int, repository: str, digests: Sequence[Digest]) -> set[Digest]:
    """Those that are known to be in a repository now."""
    rows = await db.fetch(
        """
        SELECT d.algorithm, d.hash
          FROM unnest($3::bytea[], $4::smallint[]) AS wanted (hash, algorithm)
          JOIN digest AS d ON d.hash = wanted.hash AND d.algorithm = wanted.algorithm
          JOIN repository AS r ON r.registry_id = $1 AND r.name = $2
          JOIN repository_manifest AS h ON h.repository_id = r.id AND h.digest_id = d.id AND h.present
        """,
        registry_id,
        repository,
        [digest.hash for digest in digests],
        [digest.algorithm for digest in digests],
    )
    return {Digest(row["algorithm"], row["hash"]) for row in rows}


async def lock_content(conn: Connection, digest_ids: Sequence[int]) -> None:
    """Let an index and its children be written one after the other, so that the later one sees the earlier."""
    await conn.execute(
        "SELECT id FROM digest WHERE id = ANY ($1::bigint[]) ORDER BY id FOR NO KEY UPDATE", sorted(set(digest_ids))
    )


async def lock_repositories_of(conn: Connection, digest_ids: Sequence[int]) -> None:
    """Lock all repositories that hold these manifests, or indexes above them: their versions are about to move.

    To be called before any manifest is written: counting locks repositories first and manifests then, too.
    """
    await conn.execute(
        """
        SELECT id
          FROM repository
         WHERE id = ANY ((SELECT repositories_of_content($1::bigint[]))::bigint[])
         ORDER BY id
           FOR NO KEY UPDATE
        """,
        digest_ids,
    )


async def move_versions(conn: Connection, repository_ids: Sequence[int]) -> None:
    """Have the entity tags of repositories change: content of theirs was written that may not have known of them."""
    await conn.execute("SELECT move_versions($1::bigint[])", repository_ids)


async def list_states(conn: Connection, digest_ids: Sequence[int]) -> dict[int, str]:
    """What is stored already, as `state` by digest id."""
    rows = await conn.fetch("SELECT digest_id, state FROM manifest WHERE digest_id = ANY ($1::bigint[])", digest_ids)
    return {row["digest_id"]: row["state"] for row in rows}


async def put_manifests(conn: Connection, rows: Sequence[Sequence[Any]]) -> None:
    """Write rows in the order of the columns below, in place of what there was."""
    await conn.executemany(
        """
        INSERT INTO manifest (digest_id, state, problem, truncated, media_type, artifact_type, is_index, size_bytes,
                              total_size_bytes, config_digest_id, config_media_type, config_size_bytes,
                              subject_digest_id, os, architecture, variant, os_version, platforms, created_at,
                              labels, annotations, history)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)
            ON CONFLICT (digest_id) DO UPDATE
           SET state = excluded.state, problem = excluded.problem, truncated = excluded.truncated,
               media_type = excluded.media_type, artifact_type = excluded.artifact_type,
               is_index = excluded.is_index, size_bytes = excluded.size_bytes,
               total_size_bytes = excluded.total_size_bytes, config_digest_id = excluded.config_digest_id,
               config_media_type = excluded.config_media_type, config_size_bytes = excluded.config_size_bytes,
               subject_digest_id = excluded.subject_digest_id, os = excluded.os,
               architecture = excluded.architecture, variant = excluded.variant, os_version = excluded.os_version,
               platforms = excluded.platforms, created_at = excluded.created_at, labels = excluded.labels,
               annotations = excluded.annotations, history = excluded.history, fetched_at = now()
        """,
        rows,
    )


async def delete_parts(conn: Connection, digest_ids: Sequence[int]) -> None:
    """Remove layers and entries of manifests that are about to be written anew."""
    await conn.execute("DELETE FROM manifest_layer WHERE digest_id = ANY ($1::bigint[])", digest_ids)
    await conn.execute("DELETE FROM manifest_child WHERE digest_id = ANY ($1::bigint[])", digest_ids)


async def add_layers(conn: Connection, rows: Sequence[Sequence[Any]]) -> None:
    """Write layers: digest id, position, layer, diff and chain id, size, media type."""
    await conn.execute(
        """
        INSERT INTO manifest_layer (digest_id, position, layer_digest_id, diff_digest_id, chain_digest_id, size_bytes,
                                    media_type)
        SELECT digest_id, position, layer_digest_id, diff_digest_id, chain_digest_id, size_bytes, media_type
          FROM unnest($1::bigint[], $2::integer[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::text[])
            AS layer (digest_id, position, layer_digest_id, diff_digest_id, chain_digest_id, size_bytes, media_type)
        """,
        *zip(*rows, strict=True),
    )


async def add_children(conn: Connection, rows: Sequence[Sequence[Any]]) -> None:
    """Write the entries of indexes, in the order of the columns below."""
    await conn.executemany(
        """
        INSERT INTO manifest_child (digest_id, position, child_digest_id, size_bytes, media_type, artifact_type, os,
                                    architecture, variant, os_version, annotations)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        """,
        rows,
    )


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

    An index was created when its newest image was; where no image says when, as its own annotation says.
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
                        WHERE c.digest_id = i.digest_id AND NOT c.attestation), i.created_at) AS created_at
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


async def set_referrers_supported(db: Database, registry_id: int, supported: bool) -> None:
    """Note whether a registry has the referrers API."""
    await db.execute("UPDATE registry SET referrers_supported = $2 WHERE id = $1", registry_id, supported)
