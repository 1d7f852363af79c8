"""SQL of sweeps after a full read: which known tags and manifests were missing, and which of them to check."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from regdex.database import Connection, Database
from regdex.digest import Digest


class MissingTag(NamedTuple):
    """A known tag that the registry did not list."""

    repository_id: int
    repository: str
    tag: str


class UntaggedManifest(NamedTuple):
    """A manifest known to be present that no tag leads to."""

    repository_id: int
    repository: str
    digest_id: int
    digest: Digest


class Judged(NamedTuple):
    """Number of tags a sweep would delete, of known tags, and of repositories that have left the registry's catalog."""

    missing: int
    known: int
    left: int


async def add_missing(conn: Connection, backfill_id: int, tags: Sequence[tuple[int, str]]) -> None:
    """Store (repository id, tag) pairs that the registry no longer lists."""
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


async def judge(db: Database, backfill_id: int, registry_id: int) -> Judged:
    """Count the tags that a sweep would delete.

    These are missing tags of repositories read in full, and all tags of repositories that left the registry's catalog.
    """
    row = await db.fetchrow(
        """
        SELECT (SELECT count(*)
                  FROM backfill_missing AS missing
                  JOIN backfill_listed AS listed USING (repository_id, backfill_id)
                 WHERE missing.backfill_id = $1 AND listed.problem IS NULL AND NOT listed.left_catalog)
               + (SELECT count(*)
                    FROM backfill_listed AS listed
                    JOIN tag ON tag.repository_id = listed.repository_id
                   WHERE listed.backfill_id = $1 AND listed.left_catalog) AS missing,
               (SELECT count(*)
                  FROM tag
                  JOIN repository ON repository.id = tag.repository_id
                 WHERE repository.registry_id = $2) AS known,
               (SELECT count(*) FROM backfill_listed WHERE backfill_id = $1 AND left_catalog) AS left
        """,
        backfill_id,
        registry_id,
    )
    assert row is not None  # noqa: S101 - one row of counts
    return Judged(**row)


async def judge_repository(db: Database, registry_id: int, missing: int) -> Judged:
    """As `judge`, for `missing` tags of one repository."""
    known = await db.fetchval(
        """
        SELECT count(*)
          FROM tag
          JOIN repository ON repository.id = tag.repository_id
         WHERE repository.registry_id = $1
        """,
        registry_id,
    )
    return Judged(missing, known, 0)


async def add_left(conn: Connection, backfill_id: int, *, for_seconds: float, forced: bool) -> None:
    """Add to the missing tags those of repositories absent from the registry's catalog for at least `for_seconds`.

    With `forced`, the time does not matter.
    """
    await conn.execute(
        """
        INSERT INTO backfill_missing (repository_id, backfill_id, tag)
        SELECT listed.repository_id, $1, tag.tag
          FROM backfill_listed AS listed
          JOIN backfill AS run ON run.id = listed.backfill_id
          LEFT JOIN vanishing USING (repository_id)
          JOIN tag ON tag.repository_id = listed.repository_id
         WHERE listed.backfill_id = $1 AND listed.left_catalog AND listed.problem IS NULL
           AND ($3 OR vanishing.since <= run.requested_at - make_interval(secs => $2))
            ON CONFLICT DO NOTHING
        """,
        backfill_id,
        for_seconds,
        forced,
    )


async def postpone_left(conn: Connection, backfill_id: int, *, for_seconds: float, forced: bool, problem: str) -> int:
    """Set `problem` on repositories that left the catalog too recently for `add_left`, so that they are not swept.

    Returns how many there are.
    """
    rows = await conn.fetch(
        """
        UPDATE backfill_listed AS listed
           SET problem = $4
          FROM backfill AS run
         WHERE listed.backfill_id = $1 AND run.id = $1 AND listed.left_catalog AND listed.problem IS NULL
           AND NOT $3
           AND NOT EXISTS (SELECT FROM vanishing
                            WHERE vanishing.repository_id = listed.repository_id
                              AND vanishing.since <= run.requested_at - make_interval(secs => $2))
        RETURNING listed.repository_id
        """,
        backfill_id,
        for_seconds,
        forced,
        problem,
    )
    return len(rows)


async def remember_left(conn: Connection, backfill_id: int, registry_id: int) -> None:
    """Store which repositories have left the registry's catalog, since the first of consecutive runs that found so."""
    await conn.execute(
        """
        DELETE FROM vanishing
         WHERE registry_id = $2
           AND NOT EXISTS (SELECT
                             FROM backfill_listed AS listed
                             JOIN repository ON repository.id = listed.repository_id
                            WHERE listed.repository_id = vanishing.repository_id AND listed.backfill_id = $1
                              AND listed.left_catalog
                              AND (repository.tag_count > 0 OR repository.manifest_count > 0))
        """,
        backfill_id,
        registry_id,
    )
    await conn.execute(
        """
        INSERT INTO vanishing (repository_id, registry_id, since)
        SELECT listed.repository_id, $2, run.requested_at
          FROM backfill_listed AS listed
          JOIN backfill AS run ON run.id = listed.backfill_id
          JOIN repository ON repository.id = listed.repository_id
         WHERE listed.backfill_id = $1 AND listed.left_catalog
           AND (repository.tag_count > 0 OR repository.manifest_count > 0)
            ON CONFLICT DO NOTHING
        """,
        backfill_id,
        registry_id,
    )


async def list_missing(db: Database, backfill_id: int, *, after: tuple[int, str], limit: int) -> list[MissingTag]:
    """Return missing tags to check, in order after (repository id, tag); tags already known to be gone are left out."""
    rows = await db.fetch(
        """
        SELECT missing.repository_id, repository.name AS repository, missing.tag
          FROM backfill_missing AS missing
          JOIN backfill_listed AS listed USING (repository_id, backfill_id)
          JOIN repository ON repository.id = missing.repository_id
          JOIN tag ON tag.repository_id = missing.repository_id AND tag.tag = missing.tag
         WHERE missing.backfill_id = $1 AND listed.problem IS NULL
           AND (missing.repository_id, missing.tag) > ($2, $3)
         ORDER BY missing.repository_id, missing.tag
         LIMIT $4
        """,
        backfill_id,
        after[0],
        after[1],
        limit,
    )
    return [MissingTag(**row) for row in rows]


async def list_swept(db: Database, backfill_id: int, *, everywhere: bool, after: int, limit: int) -> list[int]:
    """Return repositories read in full whose untagged manifests are to be checked.

    These are repositories with a missing tag, or all if `everywhere`.
    """
    rows = await db.fetch(
        """
        SELECT listed.repository_id
          FROM backfill_listed AS listed
         WHERE listed.backfill_id = $1 AND listed.problem IS NULL AND listed.repository_id > $3
           AND ($2 OR listed.left_catalog
                OR EXISTS (SELECT FROM backfill_missing AS missing
                            WHERE missing.repository_id = listed.repository_id AND missing.backfill_id = $1))
         ORDER BY listed.repository_id
         LIMIT $4
        """,
        backfill_id,
        everywhere,
        after,
        limit,
    )
    return [row["repository_id"] for row in rows]


async def list_untagged(
    db: Database,
    repository_ids: Sequence[int],
    *,
    seen_before: datetime,
    with_children: bool,
    after: tuple[int, int],
    limit: int,
) -> list[UntaggedManifest]:
    """Return present manifests that no tag points to, last seen before a time, after (repository id, digest id).

    `with_children` adds children of tagged indexes, which can be deleted while the index stays, and manifests that went
    within the last 90 days, which may have been pushed again.
    """
    rows = await db.fetch(
        """
        SELECT held.repository_id, repository.name AS repository, held.digest_id, digest.algorithm, digest.hash
          FROM repository_manifest AS held
          JOIN repository ON repository.id = held.repository_id
          JOIN digest ON digest.id = held.digest_id
         WHERE held.repository_id = ANY ($1::bigint[])
           AND (held.present OR ($6 AND held.last_seen_at > now() - interval '90 days'))
           AND held.last_seen_at < $2
           AND (held.repository_id, held.digest_id) > ($3, $4)
           AND NOT EXISTS (
               SELECT FROM tag WHERE tag.repository_id = held.repository_id AND tag.digest_id = held.digest_id
               )
           AND ($6 OR NOT EXISTS (
               SELECT
                 FROM manifest_child AS child
                 JOIN tag ON tag.digest_id = child.digest_id AND tag.repository_id = held.repository_id
                WHERE child.child_digest_id = held.digest_id
               ))
         ORDER BY held.repository_id, held.digest_id
         LIMIT $5
        """,
        list(repository_ids),
        seen_before,
        after[0],
        after[1],
        limit,
        with_children,
    )
    return [
        UntaggedManifest(
            row["repository_id"], row["repository"], row["digest_id"], Digest(row["algorithm"], row["hash"])
        )
        for row in rows
    ]


async def forget(conn: Connection, backfill_id: int) -> None:
    """Delete what a run stored, after it has ended."""
    await conn.execute("DELETE FROM backfill_listed WHERE backfill_id = $1", backfill_id)
    await conn.execute("DELETE FROM backfill_missing WHERE backfill_id = $1", backfill_id)
