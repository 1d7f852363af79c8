"""Derives counts again when the content of manifests becomes known after they were pulled.

Whether a request is a download depends on the manifest: one for a signature or another artifact is not.
"""

import asyncio
from collections.abc import Sequence

import asyncpg

from indexer.counting.derivation import correct_pulled_at, derive, write
from indexer.counting.pulls import RETENTION_DAYS
from indexer.counting.sessions import find_spans
from regdex.database import Connection, Pool, outage_logged
from regdex.store.pulls import facts as facts_store
from regdex.store.pulls import requests as store
from regdex.store.pulls import rollups

POLL_SECONDS = 0.2
OUTAGE_SECONDS = 1.0
# In one transaction.
MAX_MANIFESTS = 500
MAX_REQUESTS = 20_000


async def rederive(db: Pool) -> int:
    """Count newly complete manifests, and derive the requests for them again; return the number of manifests.

    Holds the lock that excludes recording pulls, so that each session is derived with the facts either before or after.
    """
    if not await facts_store.list_uncounted(db, limit=1):
        return 0
    async with db.acquire() as conn, conn.transaction():
        await store.own_facts(conn)
        digest_ids = await facts_store.list_uncounted(conn, limit=MAX_MANIFESTS)
        asked = await _asked_for(conn, digest_ids)
        while len(asked) > MAX_REQUESTS and len(digest_ids) > 1:
            digest_ids = digest_ids[: len(digest_ids) // 2]
            asked = await _asked_for(conn, digest_ids)
        if asked:
            await _derive_again(conn, asked, digest_ids)
        await facts_store.mark_counted(conn, digest_ids)
    return len(digest_ids)


async def _asked_for(conn: Connection, digest_ids: Sequence[int]) -> list[asyncpg.Record]:
    return await store.list_requests_of(conn, await facts_store.list_affected(conn, digest_ids))


async def _derive_again(conn: Connection, asked: Sequence[asyncpg.Record], digest_ids: Sequence[int]) -> None:
    repository_ids = sorted({row["repository_id"] for row in asked})
    pulled_at = await rollups.lock_repositories(conn, repository_ids)
    clock = await store.read_clock(conn, retention_days=RETENTION_DAYS)
    changes = await derive(conn, find_spans((*row, None) for row in asked), digest_ids)
    await write(conn, changes, clock.today)
    await correct_pulled_at(conn, changes, pulled_at, digest_ids)


async def keep_counted(db: Pool) -> None:
    """Count manifests as they become known, until cancelled; continues after outages of the database."""
    while True:
        pause = OUTAGE_SECONDS
        with outage_logged("manifests not counted"):
            pause = 0 if await rederive(db) else POLL_SECONDS
        await asyncio.sleep(pause)
