"""SQL that builds search documents from the catalog: one statement per batch of repository ids, never from events."""

from collections.abc import AsyncIterator, Sequence

import asyncpg

from regdex.database import Database
from regdex.search import MAX_TAGS, Document

MAX_LABELS = 64
BATCH = 5000


async def read_documents(db: Database, repository_ids: Sequence[int], *, max_tags: int = MAX_TAGS) -> list[Document]:
    """Return documents of the given repositories that are not empty; empty ones do not belong in the index.

    Tags are the newest `max_tags` that are not auxiliary, newest first; labels are those of the newest tag.
    """
    rows = await db.fetch(
        r"""
        SELECT r.id, g.name AS registry, r.name AS repository, p.name AS project, r.project_id, r.title,
               coalesce(r.description_override, r.description) AS description, r.tag_count, r.size_bytes,
               r.downloads_30d, r.stars, r.platforms, r.pushed_at, r.pulled_at, newest.tags, image.labels,
               held.artifact_types, held.media_types, signature.is_there AS is_signed
          FROM repository AS r
          JOIN registry AS g ON g.id = r.registry_id
          JOIN project AS p ON p.id = r.project_id
          LEFT JOIN LATERAL (
               SELECT array_agg(t.tag) AS tags, (array_agg(t.digest_id))[1] AS digest_id
                 FROM (SELECT tag, digest_id
                         FROM tag
                        WHERE repository_id = r.id
                          AND NOT coalesce(auxiliary, spelled_digest(tag) IS NOT NULL)
                        ORDER BY coalesce(sorted_at, pushed_at) DESC, coalesce(version_key, version_key(tag)) DESC, tag
                        LIMIT $2) AS t) AS newest ON true
          LEFT JOIN LATERAL (
               SELECT true AS is_there
                 FROM (SELECT tag
                         FROM tag
                        WHERE repository_id = r.id AND auxiliary
                        UNION ALL
                       SELECT tag
                         FROM tag
                        WHERE repository_id = r.id AND auxiliary IS NULL AND tag >= 'sha' AND tag < 'shb') AS t
                WHERE t.tag ~ '\.(sig|cosign)$' AND spelled_digest(t.tag) IS NOT NULL
                LIMIT 1) AS signature ON true
          LEFT JOIN LATERAL (
               SELECT m.labels
                 FROM manifest AS m
                WHERE m.digest_id = newest.digest_id AND m.labels <> '{}'
                UNION ALL
              (SELECT i.labels
                 FROM manifest_child AS c
                 JOIN manifest AS i ON i.digest_id = c.child_digest_id
                WHERE c.digest_id = newest.digest_id AND i.labels <> '{}'
                ORDER BY c.position
                LIMIT 1)
                LIMIT 1) AS image ON newest.digest_id IS NOT NULL
          LEFT JOIN LATERAL (
               SELECT array_agg(DISTINCT m.artifact_type) FILTER (WHERE m.artifact_type <> '') AS artifact_types,
                      array_agg(DISTINCT m.media_type) FILTER (WHERE m.media_type <> '') AS media_types
                 FROM repository_manifest AS h
                 JOIN manifest AS m ON m.digest_id = h.digest_id
                WHERE h.repository_id = r.id AND h.present) AS held ON r.manifest_count > 0
         WHERE r.id = ANY ($1::bigint[])
           AND (r.tag_count > 0 OR r.manifest_count > 0)
        """,
        repository_ids,
        max_tags,
    )
    return [_document(row) for row in rows]


async def read_all_documents(db: Database, *, batch: int = BATCH) -> AsyncIterator[list[Document]]:
    """Yield documents of all repositories, in order of id; the outbox holds what changes meanwhile."""
    last_id = 0
    while True:
        ids = await db.fetch("SELECT id FROM repository WHERE id > $1 ORDER BY id LIMIT $2", last_id, batch)
        if not ids:
            return
        last_id = ids[-1]["id"]
        yield await read_documents(db, [row["id"] for row in ids])


async def count_repositories(db: Database) -> int:
    """Return the number of documents a rebuild will write."""
    return int(await db.fetchval("SELECT count(*) FROM repository WHERE tag_count > 0 OR manifest_count > 0"))


SIGNATURES = frozenset(
    (
        "application/vnd.dev.cosign.artifact.sig.v1+json",
        "application/vnd.cncf.notary.signature",
    )
)
# Its versions are written in several ways: `.v0.3+json`, `.v0.3.1+json`, `+json;version=0.1`.
SIGSTORE_BUNDLE = "application/vnd.dev.sigstore.bundle"


def _document(row: asyncpg.Record) -> Document:
    """`signed` means that a signature exists, not that it was verified."""
    artifact_types = tuple(row["artifact_types"] or ())
    labels = sorted(f"{key}={value}" for key, value in row["labels"].items()) if row["labels"] else ()
    return Document(
        id=row["id"],
        registry=row["registry"],
        repository=row["repository"],
        project=row["project"],
        project_id=row["project_id"],
        title=row["title"],
        description=row["description"],
        labels=tuple(labels[:MAX_LABELS]),
        tags=tuple(row["tags"] or ()),
        platforms=tuple(row["platforms"]),
        artifact_types=artifact_types,
        media_types=tuple(row["media_types"] or ()),
        tag_count=row["tag_count"],
        size_bytes=row["size_bytes"],
        downloads_30d=row["downloads_30d"],
        stars=row["stars"],
        pushed_at=row["pushed_at"],
        pulled_at=row["pulled_at"],
        signed=bool(row["is_signed"])
        or any(type in SIGNATURES or type.startswith(SIGSTORE_BUNDLE) for type in artifact_types),
    )
