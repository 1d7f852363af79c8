"""SQL that derives tag columns from content: the time to sort by, and whether a tag is auxiliary."""

from collections.abc import Sequence

import asyncpg

from regdex.database import Connection, Pool
from regdex.store.catalog.names import lock_repositories
from regdex.store.content.indexes import refresh_indexes
from regdex.store.content.summaries import refresh_repositories
from regdex.store.queues import outbox

# Maximum of tags, or of manifests they point to, in one transaction of `sort_older`.
MAX_AT_ONCE = 5000


async def refresh_tags(conn: Connection, manifests: Sequence[tuple[int, int]]) -> None:
    """Derive these columns again for tags on (repository, digest) or on an index that lists the digest; update counts.

    Call it in a transaction after the content was committed. It locks the repositories first: if a tag and its content
    are written at the same moment, the later transaction sees the earlier one.
    """
    await lock_repositories(conn, {repository_id for repository_id, _ in manifests})
    await conn.execute(
        """
        WITH asked AS (
            SELECT repository_id, digest_id
              FROM unnest($1::bigint[], $2::bigint[]) AS asked (repository_id, digest_id)
        ), known AS (
            SELECT repository_id, digest_id FROM asked
             UNION
            SELECT asked.repository_id, c.digest_id
              FROM asked
              JOIN manifest_child AS c ON c.child_digest_id = asked.digest_id
        ), found AS (
            SELECT tag.repository_id, tag.tag, tag.auxiliary IS TRUE AS was_auxiliary,
                   spelled_digest(tag.tag) IS NOT NULL
                   OR coalesce(is_attached(m.artifact_type, m.config_media_type, m.subject_digest_id), false)
                   AS auxiliary,
                   nullif(sort_time(tag.exact, tag.pushed_at, tag.not_before, m.created_at, tag.source),
                          tag.pushed_at) AS sorted_at,
                   coalesce(tag.version_key, version_key(tag.tag)) AS version_key
              FROM known
              JOIN tag ON tag.repository_id = known.repository_id AND tag.digest_id = known.digest_id
              LEFT JOIN manifest AS m ON m.digest_id = tag.digest_id
        ), changed AS (
            UPDATE tag
               SET auxiliary = found.auxiliary, sorted_at = found.sorted_at, version_key = found.version_key
              FROM found
             WHERE tag.repository_id = found.repository_id AND tag.tag = found.tag
               AND (tag.auxiliary, tag.sorted_at, tag.version_key)
                   IS DISTINCT FROM (found.auxiliary, found.sorted_at, found.version_key)
            RETURNING tag.repository_id, tag.auxiliary::integer - found.was_auxiliary::integer AS more
        ), counted AS (
            SELECT repository_id, sum(more) AS more FROM changed GROUP BY repository_id HAVING sum(more) <> 0
        )
        UPDATE repository
           SET tag_count = tag_count - counted.more, artifact_tag_count = artifact_tag_count + counted.more
          FROM counted
         WHERE repository.id = counted.repository_id
        """,
        *zip(*manifests, strict=True),
    )


async def sort_older(db: Pool, *, limit: int) -> int:
    """Derive sort keys for up to `limit` repositories stored before they existed; return how many, 0 when done.

    No transaction locks more than `MAX_AT_ONCE` manifests. An interrupted batch is done again.
    """
    rows = await db.fetch(
        """
        SELECT id, tag_count + artifact_tag_count AS tags
          FROM repository
         WHERE id <= (SELECT unsorted_through FROM instance)
         ORDER BY id DESC
         LIMIT $1
        """,
        limit,
    )
    ids: list[int] = []
    tags = 0
    for row in rows:
        tags += row["tags"]
        if ids and tags > MAX_AT_ONCE:
            break
        ids.append(row["id"])
    named = await _list_named(db, ids)
    for start in range(0, len(named), MAX_AT_ONCE):
        part = named[start : start + MAX_AT_ONCE]
        async with db.acquire() as conn, conn.transaction():
            if undated := [row["digest_id"] for row in part if row["is_undated"]]:
                await refresh_indexes(conn, undated)
            await refresh_tags(conn, [(row["repository_id"], row["digest_id"]) for row in part])
    async with db.acquire() as conn, conn.transaction():
        if ids:
            await refresh_repositories(conn, ids)
            await _refresh_sightings(conn, ids)
            await outbox.enqueue(conn, ids)
        await conn.execute(
            "UPDATE instance SET unsorted_through = $1 WHERE unsorted_through > $1", ids[-1] - 1 if ids else 0
        )
    return len(ids)


async def _list_named(db: Pool, repository_ids: Sequence[int]) -> list[asyncpg.Record]:
    """Return the manifests that tags of these repositories point to; `is_undated` for an index without a time."""
    return await db.fetch(
        """
        SELECT DISTINCT tag.repository_id, tag.digest_id, m.is_index IS TRUE AND m.created_at IS NULL AS is_undated
          FROM tag
          LEFT JOIN manifest AS m ON m.digest_id = tag.digest_id
         WHERE tag.repository_id = ANY ($1::bigint[])
         ORDER BY tag.repository_id, tag.digest_id
        """,
        repository_ids,
    )


async def _refresh_sightings(conn: Connection, repository_ids: Sequence[int]) -> None:
    """Set when a scan last found a tag for the first time, from tags that still exist."""
    await conn.execute(
        """
        UPDATE repository
           SET sighted_at = greatest(sighted_at, (
               SELECT max(pushed_at) FROM tag
                WHERE tag.repository_id = repository.id AND source = 2 AND NOT exact AND not_before IS NULL))
         WHERE id = ANY ($1::bigint[])
        """,
        repository_ids,
    )
