"""SQL of the state of manifests: whether their content was read, which repositories hold them, and their locks."""

from collections.abc import Sequence

import asyncpg

from regdex.database import Connection, Database
from regdex.digest import Digest

_READ = """
        SELECT d.id, d.algorithm, d.hash
          FROM manifest AS m
          JOIN digest AS d ON d.id = m.digest_id
         WHERE m.state IN ('complete', 'unsupported')
           AND EXISTS (SELECT
                         FROM repository_manifest AS h
                         JOIN repository AS r ON r.id = h.repository_id
                        WHERE h.digest_id = m.digest_id AND h.present AND r.registry_id = ANY ($1::bigint[]))"""


async def list_known(db: Database, digests: Sequence[Digest]) -> set[Digest]:
    """Return the digests whose content never needs to be fetched again."""
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
    """Return the digests that are known to be present in a repository now."""
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
    """Serialize writes of an index and of its children, so that the later transaction sees the earlier one."""
    await conn.execute(
        "SELECT id FROM digest WHERE id = ANY ($1::bigint[]) ORDER BY id FOR NO KEY UPDATE", sorted(set(digest_ids))
    )


async def lock_repositories_of(conn: Connection, digest_ids: Sequence[int]) -> None:
    """Lock all repositories that hold these manifests or indexes above them, because their versions will change.

    Call this before any manifest is written: counting also locks repositories before manifests.
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
    """Change the entity tags of repositories, because content was written that they may not reflect."""
    await conn.execute("SELECT move_versions($1::bigint[])", repository_ids)


async def list_states(conn: Connection, digest_ids: Sequence[int]) -> dict[int, str]:
    """Return `state` by digest id of the manifests stored."""
    rows = await conn.fetch("SELECT digest_id, state FROM manifest WHERE digest_id = ANY ($1::bigint[])", digest_ids)
    return {row["digest_id"]: row["state"] for row in rows}


async def set_referrers_supported(db: Database, registry_id: int, supported: bool) -> None:
    """Store whether a registry supports the referrers API."""
    await db.execute("UPDATE registry SET referrers_supported = $2 WHERE id = $1", registry_id, supported)


async def count_unread(db: Database, projects: list[int] | None, *, registry: str = "", repository: str = "") -> int:
    """Count manifests present whose content is in neither state `complete` nor `unsupported`.

    `registry` '' means all registries, `repository` '' all repositories. Reads only the fetch queue and rejected
    manifests, so its cost does not grow with the number of manifests read.
    """
    return int(
        await db.fetchval(
            """
            SELECT count(*)
              FROM (SELECT f.repository_id, f.digest_id
                      FROM fetch_queue AS f
                      JOIN repository AS r ON r.id = f.repository_id
                      JOIN registry AS g ON g.id = r.registry_id
                     WHERE ($2 = '' OR g.name = $2)
                       AND ($3 = '' OR r.name = $3)
                       AND ($1::bigint[] IS NULL OR r.project_id = ANY ($1))
                       AND NOT EXISTS (SELECT FROM manifest AS m WHERE m.digest_id = f.digest_id)
                     UNION
                    SELECT h.repository_id, h.digest_id
                      FROM manifest AS m
                      JOIN repository_manifest AS h ON h.digest_id = m.digest_id
                      JOIN repository AS r ON r.id = h.repository_id
                      JOIN registry AS g ON g.id = r.registry_id
                     WHERE m.state NOT IN ('complete', 'unsupported')
                       AND ($2 = '' OR g.name = $2)
                       AND ($3 = '' OR r.name = $3)
                       AND ($1::bigint[] IS NULL OR r.project_id = ANY ($1))) AS unread
              JOIN repository_manifest AS held USING (repository_id, digest_id)
             WHERE held.present
            """,
            projects,
            registry,
            repository,
        )
    )


async def list_unreadable(
    db: Database, projects: list[int] | None, registry: str, *, limit: int
) -> list[asyncpg.Record]:
    """Return why content of manifests present in a registry could not be read: `problem` and `manifest_count`.

    The most frequent problem comes first.
    """
    return await db.fetch(
        """
        SELECT m.problem, count(DISTINCT m.digest_id) AS manifest_count
          FROM manifest AS m
          JOIN repository_manifest AS h ON h.digest_id = m.digest_id AND h.present
          JOIN repository AS r ON r.id = h.repository_id
          JOIN registry AS g ON g.id = r.registry_id
         WHERE m.state NOT IN ('complete', 'unsupported')
           AND g.name = $2
           AND ($1::bigint[] IS NULL OR r.project_id = ANY ($1))
         GROUP BY m.problem
         ORDER BY manifest_count DESC, m.problem
         LIMIT $3
        """,
        projects,
        registry,
        limit,
    )


async def sample_read(db: Database, registry_ids: Sequence[int], *, limit: int) -> list[tuple[int, Digest]]:
    """Return id and digest of up to `limit` random manifests that were read and are present in these registries."""
    rows = await db.fetch(
        _READ + " ORDER BY random() LIMIT $2",
        registry_ids,
        limit,
    )
    return [(row["id"], Digest(row["algorithm"], row["hash"])) for row in rows]


async def list_read(db: Database, registry_ids: Sequence[int], *, after: int, limit: int) -> list[tuple[int, Digest]]:
    """As `sample_read`, but all manifests, by id after `after`."""
    rows = await db.fetch(
        _READ + " AND m.digest_id > $2 ORDER BY m.digest_id LIMIT $3",
        registry_ids,
        after,
        limit,
    )
    return [(row["id"], Digest(row["algorithm"], row["hash"])) for row in rows]


async def list_holders(
    db: Database, digest_id: int, registry_ids: Sequence[int], *, limit: int
) -> list[tuple[int, str]]:
    """Return (registry id, repository) of up to `limit` repositories in these registries that have a manifest."""
    rows = await db.fetch(
        """
        SELECT r.registry_id, r.name
          FROM repository_manifest AS h
          JOIN repository AS r ON r.id = h.repository_id
         WHERE h.digest_id = $1
           AND h.present
           AND r.registry_id = ANY ($2::bigint[])
         ORDER BY r.registry_id, r.id
         LIMIT $3
        """,
        digest_id,
        registry_ids,
        limit,
    )
    return [(row["registry_id"], row["name"]) for row in rows]


async def list_repositories_of(conn: Connection, digest_id: int) -> list[int]:
    """Return ids, in order, of all repositories where a manifest or an index that lists it was ever seen."""
    rows = await conn.fetch(
        """
        SELECT repository_id
          FROM repository_manifest
         WHERE digest_id = $1
         UNION
        SELECT h.repository_id
          FROM manifest_child AS c
          JOIN repository_manifest AS h ON h.digest_id = c.digest_id
         WHERE c.child_digest_id = $1
         ORDER BY repository_id
        """,
        digest_id,
    )
    return [row["repository_id"] for row in rows]
