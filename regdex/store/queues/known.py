"""SQL that reads the catalog's state of a repository, to compare it with the registry's answers."""

from collections.abc import Sequence
from typing import NamedTuple

from regdex.database import Database
from regdex.digest import Digest


class KnownTag(NamedTuple):
    """The digest that a tag points to according to the catalog."""

    digest: Digest
    digest_id: int


async def find_repositories(db: Database, registry_id: int, names: Sequence[str]) -> dict[str, int]:
    """Return ids by name; names that are not known are left out."""
    rows = await db.fetch(
        "SELECT name, id FROM repository WHERE registry_id = $1 AND name = ANY($2::text[])", registry_id, list(names)
    )
    return {row["name"]: row["id"] for row in rows}


async def list_known_tags(db: Database, repository_id: int) -> dict[str, KnownTag]:
    """Return all tags of a repository as the catalog has them now."""
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
    """Return manifests listed by these indexes, to depth 3, that are not known to be present in the repository."""
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


class KnownRepository(NamedTuple):
    id: int
    name: str


async def list_unvisited(
    db: Database, backfill_id: int, registry_id: int, *, everything: bool, after: int, limit: int
) -> list[KnownRepository]:
    """Return repositories that a run has not read yet, by id after `after`.

    Empty repositories are included only with `everything`.
    """
    rows = await db.fetch(
        """
        SELECT repository.id, repository.name
          FROM repository
         WHERE repository.registry_id = $2 AND repository.id > $4
           AND ($3 OR repository.tag_count > 0 OR repository.manifest_count > 0)
           AND NOT EXISTS (
               SELECT FROM backfill_listed AS listed
                WHERE listed.repository_id = repository.id AND listed.backfill_id = $1
               )
         ORDER BY repository.id
         LIMIT $5
        """,
        backfill_id,
        registry_id,
        everything,
        after,
        limit,
    )
    return [KnownRepository(**row) for row in rows]


async def list_visited(db: Database, backfill_id: int, registry_id: int, names: Sequence[str]) -> set[str]:
    """Return the repositories among `names` that the run has already visited."""
    rows = await db.fetch(
        """
        SELECT repository.name
          FROM repository
          JOIN backfill_listed AS listed ON listed.repository_id = repository.id AND listed.backfill_id = $1
         WHERE repository.registry_id = $2 AND repository.name = ANY ($3::text[])
        """,
        backfill_id,
        registry_id,
        list(names),
    )
    return {row["name"] for row in rows}
