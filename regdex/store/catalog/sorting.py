"""What follows for tags from their content: the time to sort them by, and whether they are auxiliary."""

from collections.abc import Sequence

from regdex.database import Connection, Pool
from regdex.store.catalog.names import lock_repositories
from regdex.store.content.manifests import refresh_indexes
from regdex.store.content.summaries import refresh_repositories
from regdex.store.queues import outbox

# How many tags `sort_older` takes at once; a repository that has more is taken alone.
MAX_TAGS_AT_ONCE = 20_000


async def refresh_tags(conn: Connection, manifests: Sequence[tuple[int, int]]) -> None:
    """Look again at the tags on (repository, digest), and on indexes in it that list the digest; counts follow.

    Call it in a transaction after content was committed: it locks the repositories first, so that of a tag and a
    content that come at the same moment the later one sees the other.
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
                   nullif(sort_time(tag.exact, tag.pushed_at, tag.not_before, m.created_at), tag.pushed_at)
                   AS sorted_at
              FROM known
              JOIN tag ON tag.repository_id = known.repository_id AND tag.digest_id = known.digest_id
              LEFT JOIN manifest AS m ON m.digest_id = tag.digest_id
        ), changed AS (
            UPDATE tag
               SET auxiliary = found.auxiliary, sorted_at = found.sorted_at
              FROM found
             WHERE tag.repository_id = found.repository_id AND tag.tag = found.tag
               AND (tag.auxiliary, tag.sorted_at) IS DISTINCT FROM (found.auxiliary, found.sorted_at)
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
    """Look at the tags of up to `limit` repositories from before tags were sorted; returns how many, 0 at the end."""
    async with db.acquire() as conn, conn.transaction():
        rows = await conn.fetch(
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
            if ids and tags > MAX_TAGS_AT_ONCE:
                break
            ids.append(row["id"])
        if ids:
            await _sort(conn, ids)
        await conn.execute(
            "UPDATE instance SET unsorted_through = $1 WHERE unsorted_through > $1", ids[-1] - 1 if ids else 0
        )
    return len(ids)


async def _sort(conn: Connection, repository_ids: Sequence[int]) -> None:
    await lock_repositories(conn, repository_ids)
    indexes = await conn.fetch(
        """
        SELECT DISTINCT m.digest_id
          FROM tag
          JOIN manifest AS m ON m.digest_id = tag.digest_id
         WHERE tag.repository_id = ANY ($1::bigint[]) AND m.is_index AND m.created_at IS NULL
        """,
        repository_ids,
    )
    if indexes:
        await refresh_indexes(conn, [row["digest_id"] for row in indexes])
    named = await conn.fetch(
        "SELECT DISTINCT repository_id, digest_id FROM tag WHERE repository_id = ANY ($1::bigint[])", repository_ids
    )
    if named:
        await refresh_tags(conn, [(row["repository_id"], row["digest_id"]) for row in named])
        await refresh_repositories(conn, repository_ids)
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
    await outbox.enqueue(conn, repository_ids)
