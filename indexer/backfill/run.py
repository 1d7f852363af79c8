"""Runs one full read of a registry; after the first, content that is already stored is not fetched again.

A run reads the repositories of the catalog page by page, then those that the settings name, then stored ones that the
catalog does not name. After each page the results, the counts and the cursor are committed together; after a kill the
run continues with the first uncommitted page. A repository that cannot be read is left as it is and named in the
message; the others are swept, and the registry's `reconciled_at` moves.
"""

import asyncio
import time
import uuid
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

from indexer.backfill.ending import Cursor, Ending, Interrupted, describe, ends_run
from indexer.backfill.page import PageReader
from indexer.backfill.repository import RepositoryReader
from indexer.backfill.scanner import Scanner
from indexer.backfill.selection import Selection
from indexer.backfill.sweep import Sweep, refusal
from indexer.backfill.walk import Walk
from indexer.fetching.asking import Asker
from indexer.kinds import kind_of, options_of, read_mode_of
from indexer.registry.client import RegistryClient
from indexer.wakeups import POLL_SECONDS
from regdex.database import DRIVER_ERRORS, Connection, Database, Pool, end_if_cancelled
from regdex.errors import RegistryError
from regdex.settings import Registry
from regdex.store.catalog import gaps
from regdex.store.queues import backfills, questions, sweeps, visits
from regdex.store.queues.backfills import Progress

LEASE_SECONDS = 30.0
PROGRESS_SECONDS = 1.0
PATIENCE_SECONDS = 900.0
FULL_WITHIN_SECONDS = 24 * 3600
# A question is asked six seconds after it was raised, and again where an event arrived in between.
DOUBTS_SECONDS = 20.0
NOT_LISTED = "its referrers could not be listed"
LEFT_CATALOG = "it has left the catalog and lists no tags; the next read decides whether it was deleted"


class LeaseLost(Exception):
    """Another indexer continues the run."""


class FullRead:
    """A claimed run of `backfill`. A repository that left the catalog `left_seconds` before the run is deleted."""

    def __init__(
        self, db: Pool, client: RegistryClient, registry: Registry, claimed: asyncpg.Record, *, left_seconds: float
    ) -> None:
        self._db = db
        self._client = client.patient(PATIENCE_SECONDS)
        self._left_seconds = left_seconds
        self._id: int = claimed["id"]
        self._lease: uuid.UUID = claimed["lease"]
        self._registry_id: int = claimed["registry_id"]
        self._started_at: datetime = claimed["started_at"]
        self._is_deep: bool = claimed["is_deep"]
        self._sweeps_everywhere: bool = claimed["is_deep"] or claimed["vanishes"]
        self._cursor = Cursor.of(claimed["cursor"])
        self._committed = Progress(**self._cursor.counts)
        self._progress = replace(self._committed)
        self._requests_before: int = claimed["request_count"] - client.request_count
        self._message = ""
        if client.referrers_supported is None:
            client.referrers_supported = claimed["referrers_supported"]
        source = kind_of(registry.kind).source(self._client, options_of(registry))
        self._scanner = Scanner(
            db,
            self._client,
            self._registry_id,
            self._progress,
            run_id=self._id,
            is_deep=claimed["is_deep"],
            heads_only=read_mode_of(registry) != "full",
        )
        reader = RepositoryReader(
            db,
            source,
            self._scanner,
            self._progress,
            registry=registry.name,
            concurrency=registry.concurrency,
            is_reconcile=claimed["is_reconcile"],
        )
        selection = Selection(registry.include, registry.exclude)
        pages = PageReader(
            db, reader, selection, self._progress, registry_id=self._registry_id, concurrency=registry.concurrency
        )
        self._walk = Walk(
            db, source, pages, self._scanner, self._cursor, self._progress, self._committed, self._save_cursor,
            run_id=self._id, registry_id=self._registry_id, client=self._client, named=registry.repositories,
        )  # fmt: skip

    async def run(self) -> Ending | None:
        """Read to the end; return None when the lease was lost. A cancelled run stays open for another indexer."""
        reading = asyncio.create_task(self._read())
        keeping = asyncio.create_task(self._keep_lease())
        try:
            await asyncio.wait((reading, keeping), return_when=asyncio.FIRST_COMPLETED)
            if reading.done():
                ending = reading.result()
            else:
                ending = keeping.result()
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)
            await self._scanner.flush()
            return await self.finish(ending)
        except LeaseLost:
            return None
        finally:
            for task in (reading, keeping):
                task.cancel()
            await asyncio.gather(reading, keeping, return_exceptions=True)

    async def finish(self, ending: Ending) -> Ending | None:
        """End the run, open and close gaps, and delete its notes; return None when the lease was lost."""
        async with self._db.acquire() as conn, conn.transaction():
            await self._save_progress(conn)
            if not await backfills.finish_backfill(
                conn, self._id, lease=self._lease, state=ending.state, message=ending.message
            ):
                return None
            if self._cursor.read_count:
                await self._note_unlisted(conn)
                await visits.open_unread_gaps(conn, self._id)
            if self._cursor.has_walked and not self._cursor.catalog_problem:
                await sweeps.remember_left(conn, self._id, self._registry_id)
            if ending.is_full:
                await self._settle(conn)
            if ending.blocked:
                await gaps.open_blocked_sweep(conn, self._registry_id, detail=ending.message)
            await sweeps.forget(conn, self._id)
        return ending

    async def _note_unlisted(self, conn: Connection) -> None:
        """Count repositories as not read whose referrers could not be listed; their tags were swept before."""
        unlisted = [visits.Visit(id, NOT_LISTED, False) for id in self._cursor.unlisted_ids]
        await visits.add_visits(conn, self._id, unlisted)

    async def _settle(self, conn: Connection) -> None:
        """Mark the registry as read when the run began: close older gaps, except those of unread repositories."""
        differs = bool(self._cursor.difference_count or self._progress.swept_count)
        await gaps.settle_refused(conn, self._registry_id, read_at=self._started_at, differs=differs)
        await backfills.mark_reconciled(conn, self._id, is_deep=self._is_deep)
        unread = await visits.list_unread(conn, self._id)
        if problem := self._cursor.catalog_problem:
            unread.append(gaps.WHICH_REPOSITORIES)
            await gaps.open_gap(
                conn, [self._registry_id], gaps.READABLE, reason="catalog_unread", since=self._started_at,
                repository_id=gaps.WHICH_REPOSITORIES, detail=problem,
            )  # fmt: skip
        await gaps.close_read_gaps(conn, self._registry_id, read_at=self._started_at, unread=unread)

    async def release(self) -> None:
        """Release the lease, so that another indexer can continue the run at once."""
        await backfills.release_backfill(self._db, self._id, lease=self._lease)

    async def _read(self) -> Ending:
        try:
            await self._walk.go()
        except Interrupted as error:
            return Ending("partial" if self._progress.repository_count else "failed", str(error))
        cursor = self._cursor
        if not cursor.read_count and (cursor.catalog_problem or cursor.unread_count):
            return Ending("partial" if cursor.catalog_count else "failed", describe(cursor))
        if not await backfills.is_recent(self._db, self._id, seconds=FULL_WITHIN_SECONDS):
            return Ending("partial", "it took more than 24 hours, so nothing was swept")
        forced = await backfills.is_forced(self._db, self._id)
        judged = await sweeps.judge(self._db, self._id, self._registry_id)
        is_empty = not (cursor.catalog_count or cursor.catalog_problem)
        if not forced and (reason := refusal(judged, catalog_is_empty=is_empty)):
            return Ending("partial", reason, blocked=True)
        try:
            await self._sweep(forced=forced)
        except Interrupted as error:
            return Ending("partial", str(error))
        await self._settle_doubts()
        return Ending("partial" if cursor.catalog_was_cut else "complete", describe(cursor), is_full=True)

    async def _sweep(self, *, forced: bool) -> None:
        async with self._db.acquire() as conn, conn.transaction():
            await sweeps.add_left(conn, self._id, for_seconds=self._left_seconds, forced=forced)
            self._cursor.left_count += await sweeps.postpone_left(
                conn, self._id, for_seconds=self._left_seconds, forced=forced, problem=LEFT_CATALOG
            )
        sweep = Sweep(self._scanner, self._progress, self._note_unswept)
        at = self._cursor.sweeping
        while tags := await sweeps.list_missing(
            self._db, self._id, after=(at.get("repository_id", 0), at.get("tag", "")), limit=sweep.BATCH
        ):
            await sweep.ask_tags(tags)
            at = {"repository_id": tags[-1].repository_id, "tag": tags[-1].tag}
            await self._save_sweeping(at)
        while ids := await sweeps.list_swept(
            self._db, self._id, everywhere=self._sweeps_everywhere, after=at.get("swept_id", 0), limit=sweep.BATCH
        ):
            await sweep.ask_untagged(self._db, ids, seen_before=self._started_at, with_children=self._is_deep)
            at = {**at, "swept_id": ids[-1]}
            await self._save_sweeping(at)

    async def _settle_doubts(self) -> None:
        """Ask the questions that the run's scans have raised, for up to 20 s; the rest stay open.

        A scan close in time to an event proves nothing, so the registry is asked again about the tag or manifest.
        """
        await self._scanner.flush()
        doubts = await questions.list_doubts(self._db, self._registry_id, since=self._started_at)
        if not doubts:
            return
        asker = Asker(self._db, self._registry_id, self._client)
        until = time.monotonic() + DOUBTS_SECONDS
        while await questions.is_any_open(self._db, doubts) and time.monotonic() < until:
            if not await asker.step():
                await asyncio.sleep(POLL_SECONDS)

    async def _note_unswept(self, repository_id: int, repository: str, error: RegistryError) -> None:
        """Count a repository as not read, because the registry did not answer about one of its tags or manifests."""
        if ends_run(error):
            raise Interrupted(str(error))
        self._cursor.note(repository, str(error))
        async with self._db.acquire() as conn:
            await visits.add_visits(conn, self._id, [visits.Visit(repository_id, str(error), False)])

    async def _save_sweeping(self, sweeping: dict[str, Any]) -> None:
        self._cursor.sweeping = sweeping
        self._committed.swept_count = self._progress.swept_count
        self._committed.error_count = self._progress.error_count
        async with self._scanner.recorded() as conn:
            await self._save_cursor(conn)

    async def _save_cursor(self, db: Database) -> None:
        self._committed.manifest_count = self._progress.manifest_count
        self._cursor.counts = asdict(self._committed)
        await self._save_progress(db, asdict(self._cursor))

    async def _save_progress(self, db: Database, cursor: dict[str, Any] | None = None) -> None:
        self._progress.request_count = self._requests_before + self._client.request_count
        if not await backfills.save_progress(
            db,
            self._id,
            lease=self._lease,
            lease_seconds=LEASE_SECONDS,
            progress=self._progress,
            message=self._message,
            cursor=cursor,
        ):
            raise LeaseLost

    async def _keep_lease(self) -> Ending:
        """Write the counts and renew the lease each second; LeaseLost when it cannot be renewed in time.

        Returns when the registry refuses requests for longer than the run waits. While the run waits, its message says
        so, and the results so far are recorded.
        """
        renewed = time.monotonic()
        while True:
            await asyncio.sleep(PROGRESS_SECONDS)
            until = self._client.rate_limited_until
            self._message = f"the registry limits requests (429) until {until:%Y-%m-%d %H:%M:%S} UTC" if until else ""
            if until is not None and until - datetime.now(UTC) > timedelta(seconds=PATIENCE_SECONDS):
                return Ending("partial", f"{self._message}; what was read before that is kept")
            try:
                if until is not None:
                    await self._scanner.flush()
                await self._save_progress(self._db)
                renewed = time.monotonic()
            except DRIVER_ERRORS as error:
                end_if_cancelled()
                if time.monotonic() - renewed > LEASE_SECONDS:
                    raise LeaseLost from error
