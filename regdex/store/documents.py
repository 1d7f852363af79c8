"""Search documents, built from the catalog: one statement a batch, by repository id, never from an event."""

from collections.abc import AsyncIterator, Sequence

import asyncpg

from regdex.database import Database
from regdex.search import Document

NEWEST_TAGS = 10
MOST_LABELS = 64
BATCH = 5000


async def read_documents(db: Database, repository_ids: Sequence[int]) -> list[Document]:
    """Documents of those repositories that hold something; the others do not belong into the index."""
    rows = await db.fetch(
        """
        SELECT r.id, g.name AS registry, r.name AS repository, p.name AS project, r.project_id, r.description,
               r.tag_count, r.size_bytes, r.downloads_30d, r.platforms, r.pushed_at, r.pulled_at,
               newest.tags, newest.digest_id, newest.is_signed, coalesce(said.labels, '{}') AS labels,
               coalesce(held.artifact_types, '{}') AS artifact_types
          FROM repository AS r
          JOIN registry AS g ON g.id = r.registry_id
          JOIN project AS p ON p.id = r.project_id
         CROSS JOIN LATERAL (
               SELECT (array_agg(t.tag ORDER BY t.pushed_at DESC, t.tag)
                       FILTER (WHERE t.tag !~ '^sha(256|512)-[0-9a-f]{64}'))[:$2] AS tags,
                      (array_agg(t.digest_id ORDER BY t.pushed_at DESC, t.tag)
                       FILTER (WHERE t.tag !~ '^sha(256|512)-[0-9a-f]{64}'))[1] AS digest_id,
                      coalesce(bool_or(t.tag ~ '^sha(256|512)-[0-9a-f]{64}\\.sig$'), false) AS is_signed
                 FROM tag AS t
                WHERE t.repository_id = r.id) AS newest
          LEFT JOIN LATERAL (
               SELECT array_agg(l.key || '=' || l.value ORDER BY l.key) AS labels
                 FROM (SELECT m.labels
                         FROM manifest AS m
                        WHERE m.digest_id = newest.digest_id AND m.labels <> '{}'
                        UNION ALL
                       (SELECT i.labels
                          FROM manifest_child AS c
                          JOIN manifest AS i ON i.digest_id = c.child_digest_id
                         WHERE c.digest_id = newest.digest_id AND i.labels <> '{}'
                         ORDER BY c.position
                         LIMIT 1)
                        LIMIT 1) AS image
                CROSS JOIN LATERAL (SELECT key, value FROM jsonb_each_text(image.labels) ORDER BY key LIMIT $3) AS l
               ) AS said ON newest.digest_id IS NOT NULL
          LEFT JOIN LATERAL (
               SELECT array_agg(DISTINCT m.artifact_type) AS artifact_types
                 FROM repository_manifest AS h
                 JOIN manifest AS m ON m.digest_id = h.digest_id
                WHERE h.repository_id = r.id AND h.present AND m.artifact_type <> '') AS held ON r.manifest_count > 0
         WHERE r.id = ANY ($1::bigint[])
           AND (r.tag_count > 0 OR r.manifest_count > 0)
        """,
        repository_ids,
        NEWEST_TAGS,
        MOST_LABELS,
    )
    return [_document(row) for row in rows]


async def read_all_documents(db: Database, *, batch: int = BATCH) -> AsyncIterator[list[Document]]:
    """Documents of all repositories, in order of id; what changes meanwhile is in the outbox."""
    last_id = 0
    while True:
        ids = await db.fetch("SELECT id FROM repository WHERE id > $1 ORDER BY id LIMIT $2", last_id, batch)
        if not ids:
            return
        last_id = ids[-1]["id"]
        yield await read_documents(db, [row["id"] for row in ids])


async def count_repositories(db: Database) -> int:
    """How many documents a rebuild will have."""
    return int(await db.fetchval("SELECT count(*) FROM repository WHERE tag_count > 0 OR manifest_count > 0"))


SIGNATURES = frozenset(
    (
        "application/vnd.dev.cosign.artifact.sig.v1+json",
        "application/vnd.cncf.notary.signature",
        "application/vnd.dev.sigstore.bundle.v0.3+json",
    )
)


def _document(row: asyncpg.Record) -> Document:
    """`signed` says that a signature is there, not that anybody has verified it."""
    artifact_types = tuple(row["artifact_types"])
    return Document(
        id=row["id"],
        registry=row["registry"],
        repository=row["repository"],
        project=row["project"],
        project_id=row["project_id"],
        description=row["description"],
        labels=tuple(row["labels"]),
        tags=tuple(row["tags"] or ()),
        platforms=tuple(row["platforms"]),
        artifact_types=artifact_types,
        tag_count=row["tag_count"],
        size_bytes=row["size_bytes"],
        downloads_30d=row["downloads_30d"],
        pushed_at=row["pushed_at"],
        pulled_at=row["pulled_at"],
        signed=row["is_signed"] or not SIGNATURES.isdisjoint(artifact_types),
    )
