"""SQL that summarises a repository: the platforms of its tagged images, and the descriptive fields of the newest."""

from collections.abc import Iterable

from regdex.database import Connection, Pool
from regdex.store.catalog.names import lock_repositories
from regdex.store.content.about import ANNOTATION_KEYS, LABEL_KEYS, About, read_about
from regdex.store.queues import outbox

# Maximum of newest tags of a repository that are searched for descriptive fields.
MAX_TAGS = 20


async def refresh_repositories(conn: Connection, repository_ids: Iterable[int]) -> list[int]:
    """Derive platforms and descriptive fields again from current tags; return the repositories that changed.

    Call it in a transaction after content was committed or tags changed. It locks the repositories first: if a tag and
    its content are written at the same moment, the later transaction sees the earlier one.
    """
    ids = sorted(set(repository_ids))
    await lock_repositories(conn, ids)
    found = await _read_about(conn, ids)
    rows = await conn.fetch(
        """
        WITH platform AS (
            SELECT tag.repository_id, array_agg(DISTINCT platform.name ORDER BY platform.name) AS names
              FROM tag
              JOIN manifest ON manifest.digest_id = tag.digest_id
              LEFT JOIN partial_index AS partial
                ON partial.repository_id = tag.repository_id AND partial.digest_id = tag.digest_id
             CROSS JOIN LATERAL unnest(coalesce(partial.platforms, manifest.platforms)) AS platform (name)
             WHERE tag.repository_id = ANY ($1::bigint[]) AND tag.auxiliary IS NOT TRUE
               AND manifest.artifact_type = '' AND manifest.subject_digest_id IS NULL
             GROUP BY tag.repository_id
        )
        UPDATE repository
           SET platforms = coalesce(platform.names, '{}'), title = said.title, description = said.description,
               source_url = said.source_url, url = said.url, documentation_url = said.documentation_url,
               licenses = said.licenses, vendor = said.vendor
          FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[])
            AS said (id, title, description, source_url, url, documentation_url, licenses, vendor)
          LEFT JOIN platform ON platform.repository_id = said.id
         WHERE repository.id = said.id
           AND (repository.platforms, repository.title, repository.description, repository.source_url, repository.url,
                repository.documentation_url, repository.licenses, repository.vendor)
               IS DISTINCT FROM
               (coalesce(platform.names, '{}'), said.title, said.description, said.source_url, said.url,
                said.documentation_url, said.licenses, said.vendor)
        RETURNING repository.id
        """,
        ids,
        *zip(*(found.get(id, About()) for id in ids), strict=True),
    )
    return [row["id"] for row in rows]


async def _read_about(conn: Connection, repository_ids: list[int]) -> dict[int, About]:
    """Return the fields of the newest image that has any, by repository; of an artifact if no image has any."""
    rows = await conn.fetch(
        """
        SELECT asked.id, said.annotations, said.labels, said.image_annotations, said.image_labels
          FROM unnest($1::bigint[]) AS asked (id)
         CROSS JOIN LATERAL (
               SELECT m.annotations, m.labels, coalesce(image.annotations, '{}') AS image_annotations,
                      coalesce(image.labels, '{}') AS image_labels
                 FROM (SELECT tag, digest_id, coalesce(sorted_at, pushed_at) AS sorted_at,
                              coalesce(version_key, version_key(tag)) AS version_key
                         FROM tag
                        WHERE repository_id = asked.id
                          AND NOT coalesce(auxiliary, spelled_digest(tag) IS NOT NULL)
                        ORDER BY coalesce(sorted_at, pushed_at) DESC, coalesce(version_key, version_key(tag)) DESC, tag
                        LIMIT $4) AS newest
                 JOIN manifest AS m ON m.digest_id = newest.digest_id
                 LEFT JOIN LATERAL (
                      SELECT i.annotations, i.labels
                        FROM manifest_child AS c
                        JOIN manifest AS i ON i.digest_id = c.child_digest_id
                       WHERE m.is_index AND c.digest_id = m.digest_id AND NOT c.attestation
                         AND (i.annotations ?| $2::text[] OR i.labels ?| $3::text[])
                       ORDER BY c.position
                       LIMIT 1) AS image ON true
                WHERE m.subject_digest_id IS NULL
                  AND (m.annotations ?| $2::text[] OR m.labels ?| $3::text[] OR image.labels IS NOT NULL)
                ORDER BY m.artifact_type <> '', newest.sorted_at DESC, newest.version_key DESC, newest.tag
                LIMIT 1) AS said
        """,
        repository_ids,
        ANNOTATION_KEYS,
        LABEL_KEYS,
        MAX_TAGS,
    )
    return {
        row["id"]: read_about(row["annotations"], row["labels"], row["image_annotations"], row["image_labels"])
        for row in rows
    }


async def describe_older(db: Pool, *, limit: int) -> int:
    """Refresh up to `limit` repositories stored before these fields existed; return how many, 0 when done."""
    async with db.acquire() as conn, conn.transaction():
        rows = await conn.fetch(
            """
            SELECT repository.id
              FROM repository
             WHERE repository.id <= (SELECT undescribed_through FROM instance)
             ORDER BY repository.id DESC
             LIMIT $1
            """,
            limit,
        )
        if rows:
            changed = await refresh_repositories(conn, [row["id"] for row in rows])
            await outbox.enqueue(conn, changed)
        await conn.execute(
            "UPDATE instance SET undescribed_through = $1 WHERE undescribed_through > $1",
            rows[-1]["id"] - 1 if rows else 0,
        )
    return len(rows)
