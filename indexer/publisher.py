"""Publishes outbox rows as search documents. One of several indexers publishes; the others stand by.

The publisher holds an advisory lock on a connection of its own, and reads and empties the outbox over the same
connection, so it cannot go on without the lock. A row is deleted from the outbox once its document is visible to
searches, and only if its version has not changed; a crash between two steps at worst publishes a document twice.
"""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Callable, Sequence

import structlog

from indexer.wakeups import OUTBOX, Wakeups
from regdex.database import LOCK_PUBLISHER, Connection, Pool, outage_logged, try_lock, unlock
from regdex.search import Document, Fingerprint, SearchWriter
from regdex.search.tokens import TOKENS_VERSION, has_pinyin
from regdex.store.queues import outbox
from regdex.store.search import documents
from regdex.store.search import index_state as search_index
from regdex.telemetry import PUBLISHED, PUBLISHER_LAG

log = structlog.get_logger()

BATCH = 2000
POLL_SECONDS = 0.5
# The minimum time between commits: a burst of changes becomes a few of them.
PAUSE_SECONDS = 0.1
STANDBY_SECONDS = 1.0
RETRY_SECONDS = 1.0
MAX_RETRY_SECONDS = 30.0
# The index is checked this often also when nothing is to be published: it may have been lost or emptied.
CHECK_SECONDS = 15.0
COUNT_SECONDS = 300.0
# A difference of this many documents to repositories is no reason to rebuild: the engine may refuse some documents.
TOLERATED, TOLERATED_SHARE = 20, 0.01


class Publisher:
    """Keeps the search index equal to the catalog; rebuilds it when it is missing or belongs to another database."""

    def __init__(self, db: Pool, writer: SearchWriter, wakeups: Wakeups) -> None:
        self._db = db
        self._writer = writer
        self._wakeups = wakeups

    async def run(self) -> None:
        """Publish until cancelled; after an outage, retry with growing pauses of up to 30 s."""
        wait = RETRY_SECONDS
        while True:
            started = time.monotonic()
            with outage_logged("publishing interrupted"):
                await self._lead()
            wait = RETRY_SECONDS if time.monotonic() - started > 60 else min(wait * 2, MAX_RETRY_SECONDS)
            await asyncio.sleep(wait)

    async def _lead(self) -> None:
        async with self._db.acquire() as conn:
            while not await try_lock(conn, LOCK_PUBLISHER):  # noqa: ASYNC110 - another process has it
                await asyncio.sleep(STANDBY_SECONDS)
            try:
                log.info("publishing")
                await self._publish_all(conn)
            finally:
                await self._writer.close()
                await unlock(conn, LOCK_PUBLISHER)

    async def _publish_all(self, conn: Connection) -> None:
        await ensure_index(conn, self._writer)
        checked_at = counted_at = time.monotonic()
        while True:
            if time.monotonic() - checked_at > CHECK_SECONDS:
                await ensure_index(conn, self._writer)
                checked_at = time.monotonic()
            if time.monotonic() - counted_at > COUNT_SECONDS:
                await ensure_size(conn, self._writer)
                counted_at = time.monotonic()
            state = await search_index.get_index_state(conn)
            PUBLISHER_LAG.set(state.lag_seconds)
            if state.rebuild_requested_at is not None:
                await rebuild(conn, self._writer)
            elif await publish(conn, self._writer):
                await asyncio.sleep(PAUSE_SECONDS)
            else:
                await self._wakeups.wait(OUTBOX, POLL_SECONDS)


async def publish(conn: Connection, writer: SearchWriter, *, limit: int = BATCH) -> int:
    """Publish up to `limit` waiting repositories; return their number. The caller holds the lock on `conn`."""
    rows = await outbox.list_waiting(conn, limit=limit)
    if not rows:
        return 0
    ids = [row["repository_id"] for row in rows]
    found = await documents.read_documents(conn, ids)
    refused = set(await writer.write(found, sorted(set(ids).difference(document.id for document in found))))
    await outbox.delete_published(conn, [row for row in rows if row["repository_id"] not in refused])
    if refused:
        await outbox.set_aside(conn, [row for row in rows if row["repository_id"] in refused])
    PUBLISHED.inc(len(rows) - len(refused))
    return len(rows)


async def ensure_index(conn: Connection, writer: SearchWriter) -> None:
    """Rebuild unless the index is the one recorded in the database, with the word forms of this release."""
    state, index = await search_index.get_index_state(conn), await writer.fingerprint()
    wanted = (state.database_id, TOKENS_VERSION, has_pinyin())
    if index is None or index != state.fingerprint or _made_of(index) != wanted:
        await rebuild(conn, writer)
    elif state.replaces:  # a publisher swapped it in and ended before recording it
        await search_index.set_fingerprint(conn, index)


async def ensure_size(conn: Connection, writer: SearchWriter) -> None:
    """Rebuild an index with too many or too few documents, once everything is published."""
    if await outbox.count_waiting(conn):
        return
    wanted, found = await documents.count_repositories(conn), await writer.count()
    if found is None or abs(wanted - found) > max(TOLERATED, wanted * TOLERATED_SHARE):
        log.warning("the search index has too many or too few documents", wanted=wanted, found=found)
        await rebuild(conn, writer)


def _made_of(index: Fingerprint) -> tuple[str, int, bool]:
    return index.database_id, index.tokens_version, index.pinyin


async def rebuild(conn: Connection, writer: SearchWriter) -> int:
    """Build a new index beside the old one, swap them, and return its number of documents. The caller holds the lock.

    Changes during the rebuild wait in the outbox. The database records the new index, and the old one that it replaces,
    before the new one exists: after a crash in any step the next publisher finds the mismatch and rebuilds.
    """
    state, old = await search_index.get_index_state(conn), await writer.fingerprint()
    fingerprint = Fingerprint(
        database_id=state.database_id,
        index_id=str(uuid.uuid4()),
        tokens_version=TOKENS_VERSION,
        pinyin=has_pinyin(),
    )
    log.info("rebuilding the search index", repositories=await documents.count_repositories(conn))
    await search_index.set_fingerprint(conn, fingerprint, replaces=old.index_id if old else "none")
    started = time.monotonic()
    size = await writer.rebuild(fingerprint, _counted(conn, documents.read_all_documents(conn)))
    await search_index.set_fingerprint(conn, fingerprint)
    await search_index.finish_rebuild(conn, state.rebuild_requested_at)
    log.info("search index rebuilt", documents=size, seconds=round(time.monotonic() - started, 1))
    return size


async def _counted(conn: Connection, batches: AsyncIterator[list[Document]]) -> AsyncIterator[Sequence[Document]]:
    size = 0
    await search_index.note_rebuilt(conn, 0)
    async for batch in batches:
        yield batch
        size += len(batch)
        await search_index.note_rebuilt(conn, size)


async def rebuild_index(
    db: Pool, writer: SearchWriter, *, on_progress: Callable[[int, int], None] | None = None
) -> int:
    """Rebuild the index for `regdex search-index rebuild`, here or in the process that publishes; return its size.

    Calls `on_progress` with the documents so far and in all.
    """
    total = await documents.count_repositories(db)
    requested_at = await search_index.request_rebuild(db)
    async with db.acquire() as conn:
        while True:
            if await try_lock(conn, LOCK_PUBLISHER):
                try:
                    state = await search_index.get_index_state(conn)
                    if not _is_done(state, requested_at):
                        await rebuild(conn, writer)
                    return (await search_index.get_index_state(conn)).rebuilt_documents
                finally:
                    await writer.close()
                    await unlock(conn, LOCK_PUBLISHER)
            state = await search_index.get_index_state(conn)
            if on_progress is not None:
                on_progress(state.rebuilt_documents, total)
            if _is_done(state, requested_at):
                return state.rebuilt_documents
            await asyncio.sleep(POLL_SECONDS)


def _is_done(state: search_index.IndexState, requested_at: object) -> bool:
    return state.rebuild_requested_at != requested_at
