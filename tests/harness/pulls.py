"""A small catalog to record pulls in, what to store of its manifests, and what the counts come to."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from indexer.counting.pulls import Pull, hold_facts, record_pulls
from regdex.counting import Counts, Facts, Request, derive
from regdex.database import Connection, Pool

INDEX, AMD64, ARM64, ATTESTATION, SIGNATURE, PLAIN, OUTER, UNKNOWN = range(1, 9)
PERSON, NAT, REGDEX = 1, 2, 3
CLASSES = {PERSON: 1, NAT: 1, REGDEX: 4}
# Two days ago: the rollups of one day, far from the retention.
NINE = datetime.now(UTC).replace(hour=9, minute=0, second=0, microsecond=0) - timedelta(days=2)
SIGNATURE_TAG = f"sha256-{'a' * 64}.sig"

FACTS = Facts.of(
    artifacts=[ATTESTATION, SIGNATURE],
    platforms={AMD64: "linux/amd64", ARM64: "linux/arm64", PLAIN: "linux/amd64"},
    listings=[
        (INDEX, AMD64, "linux/amd64"),
        (INDEX, ARM64, "linux/arm64/v8"),
        (INDEX, ATTESTATION, ""),
        (OUTER, INDEX, ""),
    ],
)
_MANIFESTS = {
    INDEX: (True, None, "", ""),
    AMD64: (False, None, "linux", "amd64"),
    ARM64: (False, None, "linux", "arm64"),
    ATTESTATION: (False, None, "unknown", "unknown"),
    SIGNATURE: (False, AMD64, "", ""),
    PLAIN: (False, None, "linux", "amd64"),
    OUTER: (True, None, "", ""),
}
_CHILDREN = {
    INDEX: [(AMD64, "linux", "amd64", ""), (ARM64, "linux", "arm64", "v8"), (ATTESTATION, "unknown", "unknown", "")],
    OUTER: [(INDEX, "", "", "")],
}


async def make_catalog(db: Pool, *, repositories: int = 2) -> None:
    """A registry with repositories 1…n, the digests and the clients above; no content is known."""
    await db.execute(
        """
        INSERT INTO registry (name, kind, url) VALUES ('prod', 'distribution', 'http://registry.example.com');
        INSERT INTO project (registry_id, name) VALUES (1, 'team');
        """
    )
    await db.execute(
        """
        INSERT INTO repository (registry_id, project_id, name)
        SELECT 1, 1, 'team/app-' || number FROM generate_series(1, $1::int) AS number
        """,
        repositories,
    )
    await db.execute(
        "INSERT INTO digest (algorithm, hash) SELECT 1, sha256(n::text::bytea) FROM generate_series(1, 8) AS n"
    )
    await db.executemany(
        "INSERT INTO client (actor, address, user_agent, class) VALUES ('', $1, 'docker', $2)",
        [(f"10.0.0.{client}", number) for client, number in CLASSES.items()],
    )


async def learn(db: Pool, digests: Iterable[int] = tuple(_MANIFESTS)) -> None:
    """Store the content of these manifests, as the fetcher does."""
    for digest in digests:
        is_index, subject, os, architecture = _MANIFESTS[digest]
        async with db.acquire() as conn, conn.transaction():
            await conn.execute(
                """
                INSERT INTO manifest (digest_id, state, media_type, is_index, subject_digest_id, os, architecture)
                VALUES ($1, 'complete', 'application/json', $2, $3, $4, $5)
                """,
                digest,
                is_index,
                subject,
                os,
                architecture,
            )
            await conn.executemany(
                """
                INSERT INTO manifest_child
                       (digest_id, position, child_digest_id, size_bytes, media_type, os, architecture, variant)
                VALUES ($1, $2, $3, 0, '', $4, $5, $6)
                """,
                [(digest, position, *child) for position, child in enumerate(_CHILDREN.get(digest, ()))],
            )


async def record(db: Pool, pulls: Sequence[Pull]) -> None:
    """One batch, as the recorder does it."""
    async with db.acquire() as conn, conn.transaction():
        await hold_facts(conn)
        await _lock(conn, sorted({pull.repository_id for pull in pulls}))
        await record_pulls(conn, pulls)


async def _lock(conn: Connection, repository_ids: Sequence[int]) -> None:
    await conn.execute("SELECT FROM repository WHERE id = ANY ($1) ORDER BY id FOR NO KEY UPDATE", repository_ids)


async def hours(db: Pool) -> dict[tuple[object, ...], tuple[int, int, int]]:
    """All counts by hour: (repository, hour, digest, tag, platform, class) → (downloads, version checks, requests)."""
    rows = await db.fetch(
        """
        SELECT repository_id, hour, digest_id, tag, platform, class, downloads, version_checks, requests
          FROM download_hour
        """
    )
    return {tuple(row)[:6]: tuple(row)[6:] for row in rows}


def expected_hours(pulls: Iterable[Pull], facts: Facts = FACTS) -> dict[tuple[object, ...], tuple[int, int, int]]:
    """The same by the pure rule over all of them."""
    by_client: dict[tuple[int, int], list[Request]] = {}
    for pull in pulls:
        request = Request(pull.at, pull.told_at or pull.at, pull.key, pull.digest_id, pull.is_head, pull.tag)
        by_client.setdefault((pull.repository_id, pull.client_id), []).append(request)
    total: dict[tuple[object, ...], Counts] = {}
    for (repository_id, client_id), requests in by_client.items():
        for bucket, counts in derive(requests, facts).items():
            key = (repository_id, bucket.hour, bucket.digest_id, bucket.tag, bucket.platform, CLASSES[client_id])
            total.setdefault(key, Counts()).add(counts)
    return {key: (counts.downloads, counts.version_checks, counts.requests) for key, counts in total.items()}
