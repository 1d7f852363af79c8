"""What a full read compares: what the catalog has of a registry, and what the registry still lists."""

from collections.abc import Sequence
from typing import NamedTuple

import asyncpg

from regdex.database import Connection, Database
from regdex.digest import Digest


class KnownTag(NamedTuple):
    """What a tag points to, as the catalog has it."""

    digest: Digest
    digest_id: int


async def find_repositories(db: Database, registry_id: int, names: Sequence[str]) -> dict[str, int]:
    """Name → id of those that are known."""
    rows = await db.fetch(
        "SELECT name, id FROM repository WHERE registry_id = $1 AND name = ANY($2::text[])", registry_id, list(names)
    )
    return {row["name"]: row["id"] for row in rows}


async def list_known_tags(db: Database, repository_id: int) -> dict[str, KnownTag]:
    """All tags of a repository as the catalog has them now."""
    rows = await db.fetch(
        """
        SELECT tag.tag, tag.digest_id, digest.algorithm, digest.hash
          FROM tag
          JOIN digest ON digest.id = tag.digest_id
         WHERE tag.repository_id = $1
        """,
        repository_id,
    )
    return {row["tag"]: KnownTag(Digest(row["algorithm"], row["hash"]), row["digest_id"]) for row in rows}


async def list_unseen_children(db: Database, repository_id: int, digests: Sequence[Digest]) -> list[Digest]:
    """Manifests within these indexes, to depth 3, that are not known to be in the repository."""
    rows = await db.fetch(
        """
        WITH RECURSIVE within AS (
            SELECT child.child_digest_id AS digest_id, 1 AS depth
              FROM unnest($2::smallint[], $3::bytea[]) AS named (algorithm, hash)
              JOIN digest ON digest.hash = named.hash AND digest.algorithm = named.algorithm
              JOIN manifest_child AS child ON child.digest_id = digest.id
            UNION
            SELECT child.child_digest_id, within.depth + 1
              FROM within
              JOIN manifest_child AS child ON child.digest_id = within.digest_id
             WHERE within.depth < 3
        )
        SELECT DISTINCT digest.id, digest.algorithm, digest.hash
          FROM within
          JOIN digest ON digest.id = within.digest_id
         WHERE NOT EXISTS (
               SELECT FROM repository_manifest AS seen
                WHERE seen.repository_id = $1 AND seen.digest_id = within.digest_id AND seen.present
               )
         ORDER BY digest.id
        """,
        repository_id,
        [digest.algorithm for digest in digests],
        [digest.hash for digest in digests],
    )
    return [Digest(row["algorithm"], row["hash"]) for row in rows]


async def add_listed(conn: Connection, backfill_id: int, registry_id: int, names: Sequence[str]) -> None:
    """Note that the catalog names these; those that are not known hold nothing that could vanish."""
    await conn.execute(
        """
        INSERT INTO backfill_listed (repository_id, backfill_id)
        SELECT repository.id, $1
          FROM repository
         WHERE repository.registry_id = $2 AND repository.name = ANY($3::text[])
            ON CONFLICT DO NOTHING
        """,
        backfill_id,
        registry_id,
        list(names),
    )


async def add_missing(conn: Connection, backfill_id: int, tags: Sequence[tuple[int, str]]) -> None:
    """Note (repository id, tag) pairs that the registry no longer lists."""
    await conn.execute(
        """
        INSERT INTO backfill_missing (repository_id, backfill_id, tag)
        SELECT repository_id, $1, tag
          FROM unnest($2::bigint[], $3::text[]) AS missing (repository_id, tag)
            ON CONFLICT DO NOTHING
        """,
        backfill_id,
        [repository_id for repository_id, _ in tags],
        [tag for _, tag in tags],
    )


async def list_unlisted_repositories(db: Database, backfill_id: int, registry_id: int) -> list[asyncpg.Record]:
    """Repositories (id, name) with tags that the catalog did not name in this run."""
    return await db.fetch(
        """
        SELECT repository.id, repository.name
          FROM repository
         WHERE repository.registry_id = $2
           AND EXISTS (SELECT FROM tag WHERE tag.repository_id = repository.id)
           AND NOT EXISTS (
               SELECT FROM backfill_listed AS listed
                WHERE listed.repository_id = repository.id AND listed.backfill_id = $1
               )
         ORDER BY repository.id
        """,
        backfill_id,
        registry_id,
    )


async def add_missing_repositories(conn: Connection, backfill_id: int, repository_ids: Sequence[int]) -> None:
    """Note all tags of repositories that the catalog no longer names."""
    await conn.execute(
        """
        INSERT INTO backfill_missing (repository_id, backfill_id, tag)
        SELECT repository_id, $1, tag
          FROM tag
         WHERE repository_id = ANY($2::bigint[])
            ON CONFLICT DO NOTHING
        """,
        backfill_id,
        list(repository_ids),
    )


async def count_missing(db: Database, backfill_id: int, registry_id: int) -> tuple[int, int]:
    """How many tags this run did not find, and how many are known in the registry."""
    row = await db.fetchrow(
        """
        SELECT (SELECT count(*) FROM backfill_missing WHERE backfill_id = $1) AS missing,
               (SELECT count(*)
                  FROM tag
                  JOIN repository ON repository.id = tag.repository_id
                 WHERE repository.registry_id = $2) AS known
        """,
        backfill_id,
        registry_id,
    )
    assert row is not None  # noqa: S101 - one row of two counts
    return row["missing"], row["known"]


async def list_missing(db: Database, backfill_id: int, *, after: tuple[int, str], limit: int) -> list[asyncpg.Record]:
    """Tags to ask about, with what they point to, in order after `after`; those known to be gone by now left out."""
    return await db.fetch(
        """
        SELECT missing.repository_id, missing.tag, repository.name AS repository,
               tag.digest_id, digest.algorithm, digest.hash
          FROM backfill_missing AS missing
          JOIN repository ON repository.id = missing.repository_id
          JOIN tag ON tag.repository_id = missing.repository_id AND tag.tag = missing.tag
          JOIN digest ON digest.id = tag.digest_id
         WHERE missing.backfill_id = $1 AND (missing.repository_id, missing.tag) > ($2, $3)
         ORDER BY missing.repository_id, missing.tag
         LIMIT $4
        """,
        backfill_id,
        after[0],
        after[1],
        limit,
    )


async def list_untagged(
    db: Database, backfill_id: int, registry_id: int, *, everywhere: bool, after: tuple[int, int], limit: int
) -> list[asyncpg.Record]:
    """Manifests present that no tag leads to and that were not seen since the run began, after (repository, digest).

    Where not `everywhere`, only of repositories that lack a tag.
    """
    return await db.fetch(
        """
        SELECT held.repository_id, held.digest_id, repository.name AS repository, digest.algorithm, digest.hash
          FROM repository_manifest AS held
          JOIN repository ON repository.id = held.repository_id
          JOIN digest ON digest.id = held.digest_id
          JOIN backfill AS run ON run.id = $1
         WHERE repository.registry_id = $2
           AND ($3 OR EXISTS (
               SELECT FROM backfill_missing AS missing
                WHERE missing.repository_id = held.repository_id AND missing.backfill_id = $1
               ))
           AND held.present
           AND held.last_seen_at < run.started_at
           AND (held.repository_id, held.digest_id) > ($4, $5)
           AND NOT EXISTS (
               SELECT FROM tag WHERE tag.repository_id = held.repository_id AND tag.digest_id = held.digest_id
               )
           AND NOT EXISTS (
               SELECT
                 FROM manifest_child AS child
                 JOIN tag ON tag.digest_id = child.digest_id AND tag.repository_id = held.repository_id
                WHERE child.child_digest_id = held.digest_id
               )
         ORDER BY held.repository_id, held.digest_id
         LIMIT $6
        """,
        backfill_id,
        registry_id,
        everywhere,
        after[0],
        after[1],
        limit,
    )


async def forget(conn: Connection, backfill_id: int) -> None:
    """Drop what a run noted, once it has ended."""
    await conn.execute("DELETE FROM backfill_listed WHERE backfill_id = $1", backfill_id)
    await conn.execute("DELETE FROM backfill_missing WHERE backfill_id = $1", backfill_id)
