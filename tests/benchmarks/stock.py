"""A PostgreSQL full of the repositories of `names`, as the recorder would have left them: COPY, not events."""

import hashlib
from collections.abc import Iterable, Iterator
from itertools import islice

from regdex.database import Connection, Pool
from regdex.search import Document
from tests.benchmarks.names import LANGUAGES, documents

BATCH = 20_000
REPOSITORY = (
    "registry_id", "project_id", "name", "description", "tag_count", "manifest_count", "size_bytes", "downloads_30d",
    "platforms", "pushed_at", "pulled_at", "published_bucket", "published_pulled_on",
)  # fmt: skip
SIGNATURE = "sha256-" + "0" * 64 + ".sig"


async def fill(db: Pool, count: int, *, seed: int = 1) -> None:
    """`count` repositories of the registry `prod`, two tags each at most; read back they are nearly the documents.

    The image of a tag is one of ten, one for each language: labels and media types come from there.
    """
    async with db.acquire() as conn:
        registry_id = await conn.fetchval(
            "INSERT INTO registry (name, kind, url) VALUES ('prod', 'distribution', 'http://127.0.0.1:1') RETURNING id"
        )
        digests = await _images(conn)
        projects: dict[str, int] = {}
        numbered = 0
        for batch in _batches(documents(seed, count), BATCH):
            for document in batch:
                if document.project not in projects:
                    projects[document.project] = await conn.fetchval(
                        "INSERT INTO project (registry_id, name) VALUES ($1, $2) RETURNING id",
                        registry_id,
                        document.project,
                    )
            rows = (_repository(registry_id, projects[document.project], document) for document in batch)
            await conn.copy_records_to_table("repository", records=rows, columns=REPOSITORY)
            # Identities count from one: nothing else writes to this database.
            tags = [row for at, document in enumerate(batch, numbered + 1) for row in _tags(at, document, digests)]
            columns = ("repository_id", "tag", "digest_id", "pushed_at", "source", "exact")
            await conn.copy_records_to_table("tag", records=tags, columns=columns)
            held = [(row[0], row[2], row[3], row[3], True) for row in tags if row[1] != SIGNATURE]
            await conn.copy_records_to_table("repository_manifest", records=dict.fromkeys(held))
            numbered += len(batch)
    await db.execute("VACUUM ANALYZE")


async def _images(conn: Connection) -> dict[str, int]:
    digests = {}
    for language in LANGUAGES:
        digests[language] = await conn.fetchval(
            "INSERT INTO digest (algorithm, hash) VALUES (1, $1) RETURNING id",
            hashlib.sha256(language.encode()).digest(),
        )
        await conn.execute(
            "INSERT INTO manifest (digest_id, state, media_type, labels) "
            "VALUES ($1, 'complete', 'application/vnd.oci.image.manifest.v1+json', $2)",
            digests[language],
            {"language": language},
        )
    return digests


def _repository(registry_id: int, project_id: int, document: Document) -> tuple[object, ...]:
    return (
        registry_id, project_id, document.repository, document.description, document.tag_count, 1, document.size_bytes,
        document.downloads_30d, list(document.platforms), document.pushed_at, document.pulled_at,
        document.downloads_30d.bit_length(), document.pulled_at and document.pulled_at.date(),
    )  # fmt: skip


def _tags(repository_id: int, document: Document, digests: dict[str, int]) -> Iterator[tuple[object, ...]]:
    digest_id = digests[document.labels[0].removeprefix("language=")]
    for tag in (*document.tags[:2], *([SIGNATURE] if document.signed else [])):
        yield repository_id, tag, digest_id, document.pushed_at, 1, True


def _batches(found: Iterator[Document], size: int) -> Iterable[list[Document]]:
    return iter(lambda: list(islice(found, size)), [])
