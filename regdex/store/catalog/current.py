"""SQL of the current state derived from the logs: tags, manifests present, and counts of repositories.

All writes need the lock of the repository (`names.lock_repositories`).
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from regdex.database import Connection
from regdex.digest import Digest
from regdex.order import version_key
from regdex.reference import spelled_digest


class CurrentTag(NamedTuple):
    """A row of `tag` without its key and without columns derived from its content."""

    digest_id: int
    pushed_at: datetime
    not_before: datetime | None
    actor_id: int | None
    source: int
    exact: bool


class RepositoryChange(NamedTuple):
    """Differences to add to the counts of a repository; `resized` if its content changed.

    `pushed_at` is the last push, `sighted_at` when a scan last found a tag for the first time; None if there was none.
    """

    repository_id: int
    tag_count: int
    artifact_tag_count: int
    manifest_count: int
    pushed_at: datetime | None
    sighted_at: datetime | None
    resized: bool


async def read_digests(conn: Connection, tags: Sequence[tuple[int, str]]) -> dict[tuple[int, str], int]:
    """Return the digest id that each tag points to now; tags that do not exist are left out."""
    return {key: tag.digest_id for key, (tag, _) in (await read_tags(conn, tags)).items()}


async def read_tags(
    conn: Connection, tags: Sequence[tuple[int, str]]
) -> dict[tuple[int, str], tuple[CurrentTag, bool]]:
    """Return the row of each tag and whether it counts as auxiliary; tags that do not exist are left out."""
    rows = await conn.fetch(
        """
        SELECT tag.repository_id, tag.tag, tag.auxiliary IS TRUE AS auxiliary, tag.digest_id, tag.pushed_at,
               tag.not_before, tag.actor_id, tag.source, tag.exact
          FROM unnest($1::bigint[], $2::text[]) AS asked (repository_id, tag)
          JOIN tag USING (repository_id, tag)
        """,
        *zip(*tags, strict=True),
    )
    return {
        (row["repository_id"], row["tag"]): (
            CurrentTag(
                row["digest_id"], row["pushed_at"], row["not_before"], row["actor_id"], row["source"], row["exact"]
            ),
            row["auxiliary"],
        )
        for row in rows
    }


async def list_tags(conn: Connection, repository_ids: Iterable[int]) -> list[tuple[int, str]]:
    """Return (repository id, tag) of all tags of these repositories."""
    rows = await conn.fetch(
        "SELECT repository_id, tag FROM tag WHERE repository_id = ANY ($1::bigint[])", list(repository_ids)
    )
    return [(row[0], row[1]) for row in rows]


async def list_tags_of(conn: Connection, manifests: Iterable[tuple[int, int]]) -> list[tuple[int, str]]:
    """Return (repository id, tag) of all tags that point to these manifests, given as (repository id, digest id)."""
    pairs = list(manifests)
    rows = await conn.fetch(
        """
        SELECT tag.repository_id, tag.tag
          FROM unnest($1::bigint[], $2::bigint[]) AS asked (repository_id, digest_id)
          JOIN tag ON tag.repository_id = asked.repository_id AND tag.digest_id = asked.digest_id
        """,
        [repository_id for repository_id, _ in pairs],
        [digest_id for _, digest_id in pairs],
    )
    return [(row["repository_id"], row["tag"]) for row in rows]


async def list_tags_losing(conn: Connection, manifests: Sequence[tuple[int, int, datetime]]) -> list[tuple[int, str]]:
    """Return tags whose row may change because (repository, digest) was gone at a time.

    These are tags that point to the digest, and tags that a scan found moved within 5 s of that time: the loss may
    limit when the move happened.
    """
    rows = await conn.fetch(
        """
        WITH lost AS (
            SELECT repository_id, digest_id, at
              FROM unnest($1::bigint[], $2::bigint[], $3::timestamptz[]) AS lost (repository_id, digest_id, at)
        )
        SELECT tag.repository_id, tag.tag
          FROM lost
          JOIN tag ON tag.repository_id = lost.repository_id AND tag.digest_id = lost.digest_id
         UNION
        SELECT tag.repository_id, tag.tag
          FROM lost
          JOIN tag ON tag.repository_id = lost.repository_id AND tag.not_before IS NOT NULL
           AND tag.not_before <= lost.at + interval '5 s' AND tag.pushed_at >= lost.at - interval '5 s'
        """,
        *zip(*manifests, strict=True),
    )
    return [(row[0], row[1]) for row in rows]


async def delete_tags(conn: Connection, tags: Iterable[tuple[int, str]]) -> None:
    await conn.execute(
        """
        DELETE FROM tag
         USING unnest($1::bigint[], $2::text[]) AS gone (repository_id, tag)
         WHERE tag.repository_id = gone.repository_id AND tag.tag = gone.tag
        """,
        *zip(*sorted(tags), strict=True),
    )


async def put_tags(conn: Connection, tags: Iterable[tuple[int, str, CurrentTag]]) -> dict[tuple[int, str], bool]:
    """Write tags with their sort keys; return whether each is auxiliary, according to the content known now.

    `sorting.refresh_tags` derives this again when content becomes known later.
    """
    rows = await conn.fetch(
        """
        INSERT INTO tag (repository_id, tag, digest_id, pushed_at, not_before, actor_id, source, exact, auxiliary,
                         sorted_at, version_key)
        SELECT put.repository_id, put.tag, put.digest_id, put.pushed_at, put.not_before, put.actor_id, put.source,
               put.exact,
               put.spells_digest
               OR coalesce(is_attached(m.artifact_type, m.config_media_type, m.subject_digest_id), false),
               nullif(sort_time(put.exact, put.pushed_at, put.not_before, m.created_at, put.source), put.pushed_at),
               put.version_key
          FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::timestamptz[], $5::timestamptz[], $6::bigint[],
                      $7::smallint[], $8::boolean[], $9::boolean[], $10::text[])
            AS put (repository_id, tag, digest_id, pushed_at, not_before, actor_id, source, exact, spells_digest,
                    version_key)
          LEFT JOIN manifest AS m ON m.digest_id = put.digest_id
            ON CONFLICT (repository_id, tag) DO UPDATE
           SET digest_id = excluded.digest_id, pushed_at = excluded.pushed_at, not_before = excluded.not_before,
               actor_id = excluded.actor_id, source = excluded.source, exact = excluded.exact,
               auxiliary = excluded.auxiliary, sorted_at = excluded.sorted_at, version_key = excluded.version_key
        RETURNING repository_id, tag, auxiliary
        """,
        *zip(
            *sorted(
                (repository_id, tag, *current, spelled_digest(tag) is not None, version_key(tag))
                for repository_id, tag, current in tags
            ),
            strict=True,
        ),
    )
    return {(row["repository_id"], row["tag"]): row["auxiliary"] for row in rows}


async def list_vanishing(
    conn: Connection, registry_id: int, manifests: Iterable[tuple[int, int]]
) -> list[tuple[int, int]]:
    """Return (repository id, digest id) of manifests that a tag has left, and of their children, that may be gone now.

    Returns none if the registry keeps untagged manifests, and leaves out manifests that another tag leads to.
    """
    rows = await conn.fetch(
        """
        WITH RECURSIVE below AS (
            SELECT repository_id, digest_id, 0 AS depth
              FROM unnest($2::bigint[], $3::bigint[]) AS left_behind (repository_id, digest_id)
             WHERE EXISTS (SELECT FROM registry WHERE id = $1 AND untagged_manifests = 'vanish')
            UNION
            SELECT below.repository_id, child.child_digest_id, below.depth + 1
              FROM below
              JOIN manifest_child AS child ON child.digest_id = below.digest_id
             WHERE below.depth < 3
        )
        SELECT DISTINCT held.repository_id, held.digest_id
          FROM below
          JOIN repository_manifest AS held USING (repository_id, digest_id)
         WHERE held.present
           AND NOT EXISTS (
               SELECT FROM tag WHERE tag.repository_id = held.repository_id AND tag.digest_id = held.digest_id
               )
           AND NOT EXISTS (
               SELECT
                 FROM manifest_child AS child
                 JOIN tag ON tag.digest_id = child.digest_id AND tag.repository_id = held.repository_id
                WHERE child.child_digest_id = held.digest_id
               )
        """,
        registry_id,
        *zip(*set(manifests), strict=True),
    )
    return [(row["repository_id"], row["digest_id"]) for row in rows]


async def read_presence(conn: Connection, manifests: Sequence[tuple[int, int]]) -> dict[tuple[int, int], bool]:
    """Return whether each manifest is present; manifests never seen in the repository are left out."""
    rows = await conn.fetch(
        """
        SELECT held.repository_id, held.digest_id, held.present
          FROM unnest($1::bigint[], $2::bigint[]) AS asked (repository_id, digest_id)
          JOIN repository_manifest AS held USING (repository_id, digest_id)
        """,
        *zip(*manifests, strict=True),
    )
    return {(row[0], row[1]): row[2] for row in rows}


async def was_seen(conn: Connection, repository_id: int, digest: Digest) -> bool:
    """Return whether a manifest was ever seen in a repository."""
    found: bool = await conn.fetchval(
        """
        SELECT EXISTS (
               SELECT FROM repository_manifest AS held
                 JOIN digest ON digest.id = held.digest_id
                WHERE held.repository_id = $1 AND digest.algorithm = $2 AND digest.hash = $3)
        """,
        repository_id,
        digest.algorithm,
        digest.hash,
    )
    return found


async def list_present_manifests(conn: Connection, repository_ids: Iterable[int]) -> list[tuple[int, int]]:
    """Return (repository id, digest id) of all manifests present in these repositories."""
    rows = await conn.fetch(
        "SELECT repository_id, digest_id FROM repository_manifest WHERE repository_id = ANY ($1::bigint[]) AND present",
        list(repository_ids),
    )
    return [(row[0], row[1]) for row in rows]


async def put_presence(conn: Connection, manifests: Iterable[tuple[int, int, bool, datetime, datetime]]) -> None:
    """Write (repository_id, digest_id, present, first_seen_at, last_seen_at); stored intervals are only extended."""
    await conn.execute(
        """
        INSERT INTO repository_manifest AS held (repository_id, digest_id, present, first_seen_at, last_seen_at)
        SELECT repository_id, digest_id, present, first_seen_at, last_seen_at
          FROM unnest($1::bigint[], $2::bigint[], $3::boolean[], $4::timestamptz[], $5::timestamptz[])
            AS put (repository_id, digest_id, present, first_seen_at, last_seen_at)
            ON CONFLICT (repository_id, digest_id) DO UPDATE
           SET present = excluded.present,
               first_seen_at = least(held.first_seen_at, excluded.first_seen_at),
               last_seen_at = greatest(held.last_seen_at, excluded.last_seen_at)
        """,
        *zip(*sorted(manifests), strict=True),
    )


async def set_presence(conn: Connection, manifests: Iterable[tuple[int, int, bool]]) -> None:
    """Update `present` of known manifests, given as (repository id, digest id, present); their times stay."""
    await conn.execute(
        """
        UPDATE repository_manifest AS held
           SET present = put.present
          FROM unnest($1::bigint[], $2::bigint[], $3::boolean[]) AS put (repository_id, digest_id, present)
         WHERE held.repository_id = put.repository_id AND held.digest_id = put.digest_id
        """,
        *zip(*sorted(manifests), strict=True),
    )


async def change_repositories(conn: Connection, changes: Iterable[RepositoryChange]) -> None:
    """Add to the counts, move the last push forward, and mark changed repositories for recomputing their size."""
    await conn.execute(
        """
        UPDATE repository
           SET tag_count = repository.tag_count + change.tag_count,
               artifact_tag_count = repository.artifact_tag_count + change.artifact_tag_count,
               manifest_count = repository.manifest_count + change.manifest_count,
               pushed_at = greatest(repository.pushed_at, change.pushed_at),
               sighted_at = greatest(repository.sighted_at, change.sighted_at),
               unsized = repository.unsized OR change.resized
          FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::timestamptz[], $6::timestamptz[],
                      $7::boolean[])
            AS change (repository_id, tag_count, artifact_tag_count, manifest_count, pushed_at, sighted_at, resized)
         WHERE repository.id = change.repository_id
        """,
        *zip(*changes, strict=True),
    )


async def redate_repositories(conn: Connection, repository_ids: Iterable[int]) -> None:
    """Derive the last push again, from reported pushes and from tag moves that scans found and that still hold."""
    await conn.execute(
        """
        UPDATE repository
           SET pushed_at = greatest(
               (SELECT max(at) FROM manifest_event
                 WHERE manifest_event.repository_id = repository.id AND present AND source = 1),
               (SELECT max(pushed_at) FROM tag
                 WHERE tag.repository_id = repository.id AND not_before IS NOT NULL))
         WHERE id = ANY ($1::bigint[])
        """,
        sorted(repository_ids),
    )
