"""Which tags, manifests and actors occur in the logs, and when."""

from collections.abc import Sequence
from datetime import datetime

from regdex.database import Database


async def list_logged_tags(
    db: Database, repository_id: int, *, until: datetime, pattern: str, prefix: str, after: str, limit: int
) -> list[str]:
    """Return the tags observed at or before `until`, in the order of their names, from after `after`."""
    rows = await db.fetch(
        """
        SELECT tag
          FROM tag_event
         WHERE repository_id = $1
           AND tag > $5
           AND tag >= $4
           AND tag < $4 || '~'
           AND tag LIKE $3
           AND at <= $2
         GROUP BY tag
         ORDER BY tag
         LIMIT $6
        """,
        repository_id,
        until,
        pattern,
        prefix,
        after,
        limit,
    )
    return [row["tag"] for row in rows]


async def list_actors(db: Database, ids: Sequence[int]) -> dict[int, str]:
    """Return the names of actors by their ids."""
    return {row["id"]: row["name"] for row in await db.fetch("SELECT id, name FROM actor WHERE id = ANY ($1)", ids)}


async def has_exact(db: Database, repository_id: int, tag: str, *, since: datetime, until: datetime) -> bool:
    """Return whether an exact observation of a tag lies between two times."""
    found: bool = await db.fetchval(
        """
        SELECT EXISTS (
               SELECT FROM tag_event
                WHERE repository_id = $1 AND tag = $2 AND at BETWEEN $3 AND $4 AND exact)
        """,
        repository_id,
        tag,
        since,
        until,
    )
    return found


async def list_tags_since(db: Database, since: Sequence[tuple[int, int | None, datetime]]) -> list[tuple[int, str]]:
    """Return tags, also deleted ones, that pointed to a digest (None: any) at or after a time in a repository."""
    rows = await db.fetch(
        """
        SELECT DISTINCT e.repository_id, e.tag
          FROM unnest($1::bigint[], $2::bigint[], $3::timestamptz[]) AS lost (repository_id, digest_id, at)
          JOIN tag_event AS e ON e.repository_id = lost.repository_id AND e.at >= lost.at
                             AND (lost.digest_id IS NULL OR e.digest_id = lost.digest_id)
        """,
        [repository_id for repository_id, _, _ in since],
        [digest_id for _, digest_id, _ in since],
        [at for _, _, at in since],
    )
    return [(row["repository_id"], row["tag"]) for row in rows]


async def list_manifests_since(db: Database, since: Sequence[tuple[int, datetime]]) -> list[tuple[int, int]]:
    """Return manifests, also deleted ones, observed in a repository at or after a time."""
    rows = await db.fetch(
        """
        SELECT DISTINCT e.repository_id, e.digest_id
          FROM unnest($1::bigint[], $2::timestamptz[]) AS lost (repository_id, at)
          JOIN manifest_event AS e ON e.repository_id = lost.repository_id AND e.at >= lost.at
        """,
        [repository_id for repository_id, _ in since],
        [at for _, at in since],
    )
    return [(row["repository_id"], row["digest_id"]) for row in rows]
