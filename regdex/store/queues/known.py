"""SQL that reads the catalog's state of a repository, to compare it with the registry's answers."""

from collections.abc import Sequence
from typing import NamedTuple

from regdex.database import Database
from regdex.digest import Digest


class KnownTag(NamedTuple):
    """The digest that a tag points to according to the catalog."""

    digest: Digest
    digest_id: int


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
