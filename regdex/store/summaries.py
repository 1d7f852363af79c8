"""What a repository says of itself: the platforms of its tagged images, and a description from the newest of them."""

from collections.abc import Iterable

from regdex.database import Connection
from regdex.store.names import lock_repositories


async def refresh_repositories(conn: Connection, repository_ids: Iterable[int]) -> None:
    """Read platforms and descriptions again from what current tags point to.

    To be called in a transaction, after content was committed or tags were changed: it takes the rows' locks first, so
    that of a tag and a content that come at the same moment the later one sees the other. A description is the
    annotation of the manifest, else the label of the config, else that of an index's first image that has one.
    """
    ids = sorted(set(repository_ids))
    await lock_repositories(conn, ids)
    await conn.execute(
        """
        WITH pointed AS (
            SELECT tag.repository_id, tag.tag, tag.pushed_at, manifest.digest_id, manifest.platforms,
                   manifest.annotations, manifest.labels, manifest.is_index
              FROM tag
              JOIN manifest ON manifest.digest_id = tag.digest_id
             WHERE tag.repository_id = ANY ($1::bigint[])
               AND manifest.artifact_type = '' AND manifest.subject_digest_id IS NULL
        ), platform AS (
            SELECT pointed.repository_id, array_agg(DISTINCT platform.name ORDER BY platform.name) AS names
              FROM pointed
             CROSS JOIN LATERAL unnest(pointed.platforms) AS platform (name)
             GROUP BY pointed.repository_id
        ), description AS (
            SELECT DISTINCT ON (pointed.repository_id) pointed.repository_id, said.description
              FROM pointed
              LEFT JOIN LATERAL (
                   SELECT image.labels
                     FROM manifest_child AS child
                     JOIN manifest AS image ON image.digest_id = child.child_digest_id
                    WHERE child.digest_id = pointed.digest_id AND pointed.is_index
                      AND image.labels ?| $2::text[]
                    ORDER BY child.position
                    LIMIT 1) AS first ON true
             CROSS JOIN LATERAL (
                   SELECT coalesce(
                          nullif(pointed.annotations ->> 'org.opencontainers.image.description', ''),
                          nullif(pointed.labels ->> 'org.opencontainers.image.description', ''),
                          nullif(first.labels ->> 'org.opencontainers.image.description', ''),
                          nullif(pointed.annotations ->> 'org.opencontainers.image.title', ''),
                          nullif(pointed.labels ->> 'org.opencontainers.image.title', ''),
                          nullif(first.labels ->> 'org.opencontainers.image.title', '')) AS description) AS said
             WHERE said.description IS NOT NULL
             ORDER BY pointed.repository_id, pointed.pushed_at DESC, pointed.tag
        )
        UPDATE repository
           SET platforms = coalesce(platform.names, '{}'),
               description = coalesce(left(description.description, 1000), '')
          FROM unnest($1::bigint[]) AS asked (id)
          LEFT JOIN platform ON platform.repository_id = asked.id
          LEFT JOIN description ON description.repository_id = asked.id
         WHERE repository.id = asked.id
           AND (repository.platforms, repository.description)
               IS DISTINCT FROM (coalesce(platform.names, '{}'), coalesce(left(description.description, 1000), ''))
        """,
        ids,
        ["org.opencontainers.image.description", "org.opencontainers.image.title"],
    )
