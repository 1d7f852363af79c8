"""Documents in the catalog: rows from which much the same documents are built again."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from regdex.database import Pool
from regdex.search import Document
from regdex.store.search.documents import read_all_documents

_NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
_COSIGN = "sha256-" + "0" * 64 + ".sig"


async def store(db: Pool, documents: Sequence[Document]) -> list[Document]:
    """Write rows and read the documents back: projects have other numbers, and without a tag there are no labels."""
    await db.execute(
        """
        INSERT INTO registry (name, kind, url)
        SELECT name, 'distribution', 'http://x' FROM unnest($1::text[]) AS name
        """,
        sorted({document.registry for document in documents}),
    )
    await db.execute(
        """
        INSERT INTO project (registry_id, name)
        SELECT registry.id, asked.project
          FROM unnest($1::text[], $2::text[]) AS asked (registry, project)
          JOIN registry ON registry.name = asked.registry
        """,
        *zip(*sorted({(document.registry, document.project) for document in documents}), strict=True),
    )
    await db.executemany(
        """
        INSERT INTO repository (id, registry_id, project_id, name, title, description, platforms, size_bytes,
                                downloads_30d, stars, pushed_at, pulled_at, tag_count, manifest_count)
        OVERRIDING SYSTEM VALUE
        SELECT $1, p.registry_id, p.id, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 1
          FROM project AS p JOIN registry AS g ON g.id = p.registry_id
         WHERE g.name = $2 AND p.name = $3
        """,
        [
            (d.id, d.registry, d.project, d.repository, d.title, d.description, d.platforms, d.size_bytes,
             d.downloads_30d, d.stars, d.pushed_at, d.pulled_at, d.tag_count)
            for d in documents
        ],
    )  # fmt: skip
    for document in documents:
        types = [*((each, "") for each in document.media_types), *(("", each) for each in document.artifact_types)]
        digests = [await _add_manifest(db, *each) for each in types]
        image = await _add_manifest(db, "", "", dict(label.split("=", 1) for label in document.labels))
        await db.executemany(
            "INSERT INTO repository_manifest VALUES ($1, $2, now(), now(), true) ON CONFLICT DO NOTHING",
            [(document.id, digest) for digest in (*digests, image)],
        )
        tags = (*document.tags, *([_COSIGN] if document.signed and document.tags else []))
        await db.executemany(
            "INSERT INTO tag (repository_id, tag, digest_id, pushed_at, source, exact) "
            "VALUES ($1, $2, $3, $4, 1, true)",
            [(document.id, tag, image, _NOON - timedelta(seconds=age)) for age, tag in enumerate(tags)],
        )
    return [document async for batch in read_all_documents(db) for document in batch]


async def _add_manifest(db: Pool, media_type: str, artifact_type: str, labels: dict[str, str] | None = None) -> int:
    """The number of a manifest with these, made where there is none."""
    name = repr((media_type, artifact_type, sorted((labels or {}).items())))
    number: int = await db.fetchval(
        """
        WITH made AS (
            INSERT INTO digest (algorithm, hash) VALUES (1, $1)
                ON CONFLICT (hash, algorithm) DO UPDATE SET hash = excluded.hash
            RETURNING id
        ), manifest AS (
            INSERT INTO manifest (digest_id, state, media_type, artifact_type, labels)
            SELECT id, 'complete', $2, $3, $4 FROM made
                ON CONFLICT DO NOTHING
        )
        SELECT id FROM made
        """,
        hashlib.sha256(name.encode()).digest(),
        media_type,
        artifact_type,
        labels or {},
    )
    return number
