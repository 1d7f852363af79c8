"""Log rows with times in the future, which releases wrote before times were limited by the time of receipt.

Their time of receipt is not known; the time of the upgrade, `instance.mending_since`, takes its place.
"""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from regdex.database import Connection, Database


class Mending(NamedTuple):
    """The next repository to correct, and the latest time allowed."""

    repository_id: int
    registry_id: int
    since: datetime


async def next_repository(db: Database) -> Mending | None:
    """Return a repository that has such rows. If there is none, note that the correction is finished, return None."""
    row = await db.fetchrow(
        """
        SELECT repository.id AS repository_id, repository.registry_id, instance.mending_since AS since
          FROM instance
          JOIN repository ON repository.id > instance.mending_from
         WHERE EXISTS (SELECT FROM tag_event WHERE repository_id = repository.id AND at > instance.mending_since)
            OR EXISTS (SELECT FROM manifest_event WHERE repository_id = repository.id AND at > instance.mending_since)
            OR EXISTS (SELECT FROM repository_event WHERE repository_id = repository.id AND at > instance.mending_since)
            OR EXISTS (SELECT FROM pull_event WHERE repository_id = repository.id AND at > instance.mending_since)
         ORDER BY repository.id
         LIMIT 1
        """
    )
    if row is None:
        await db.execute(
            """
            UPDATE registry SET events_through = mending_since
              FROM instance
             WHERE mending_from IS NOT NULL AND events_through > mending_since
            """
        )
        await db.execute("UPDATE instance SET mending_from = NULL WHERE mending_from IS NOT NULL")
        return None
    return Mending(**row)


async def is_mending(db: Database) -> bool:
    """Return whether such rows may exist."""
    found: bool = await db.fetchval("SELECT mending_from IS NOT NULL FROM instance")
    return found


async def finish_repository(conn: Connection, repository_id: int) -> None:
    await conn.execute("UPDATE instance SET mending_from = $1", repository_id)


async def mend_tags(conn: Connection, repository_id: int, since: datetime) -> list[str]:
    """Move observations of tags after `since` to `since`, in their order. Returns the tags."""
    rows = await conn.fetch(
        """
        UPDATE tag_event
           SET at = $2, told_at = at, exact = false,
               confirmed_at = CASE WHEN confirmed_at <= $2 THEN confirmed_at END
         WHERE repository_id = $1 AND at > $2
        RETURNING tag
        """,
        repository_id,
        since,
    )
    await conn.execute(
        "UPDATE tag_event SET confirmed_at = $2 WHERE repository_id = $1 AND confirmed_at > $2", repository_id, since
    )
    return [row["tag"] for row in rows]


async def mend_manifests(conn: Connection, repository_id: int, since: datetime) -> list[int]:
    """Move observations of manifests and of the repository to `since`, as `mend_tags`. Returns the digests."""
    rows = await conn.fetch(
        """
        UPDATE manifest_event
           SET at = $2, told_at = at, exact = false,
               confirmed_at = CASE WHEN confirmed_at <= $2 THEN confirmed_at END
         WHERE repository_id = $1 AND at > $2
        RETURNING digest_id
        """,
        repository_id,
        since,
    )
    for statement in (
        "UPDATE manifest_event SET confirmed_at = $2 WHERE repository_id = $1 AND confirmed_at > $2",
        "UPDATE repository_event SET at = $2, told_at = at, exact = false WHERE repository_id = $1 AND at > $2",
        "UPDATE repository_manifest SET first_seen_at = least(first_seen_at, $2), last_seen_at = $2 "
        "WHERE repository_id = $1 AND last_seen_at > $2",
        "UPDATE repository SET pushed_at = least(pushed_at, $2), pulled_at = least(pulled_at, $2) WHERE id = $1",
    ):
        await conn.execute(statement, repository_id, since)
    return [row["digest_id"] for row in rows]


class FuturePull(NamedTuple):
    """A pull with a time after `since`."""

    at: datetime
    event_key: UUID
    digest_id: int
    client_id: int
    is_head: bool
    tag: str | None


async def list_pulls(conn: Connection, repository_id: int, since: datetime) -> list[FuturePull]:
    """Return all pulls of a repository after `since`."""
    rows = await conn.fetch(
        """
        SELECT at, event_key, digest_id, client_id, is_head, tag
          FROM pull_event
         WHERE repository_id = $1 AND at > $2
        """,
        repository_id,
        since,
    )
    return [FuturePull(**row) for row in rows]
