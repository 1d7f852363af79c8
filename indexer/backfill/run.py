"""One run that reads a registry in full: the first time all of it, later what has changed.

It goes over the catalog page by page. After each page, what was read, the counts and the cursor are committed together:
whoever goes on after a kill begins with the page that was not finished. Only a run that read everything sweeps, and
moves the registry's `reconciled_at`.
"""

import asyncio
import contextlib
import time
import uuid
from collections import deque
from collections.abc import AsyncGenerator
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import asyncpg

from indexer.backfill.page import PageRead, PageReader
from indexer.backfill.scanner import Scanner
from indexer.backfill.selection import Selection
from indexer.backfill.sweep import Sweep
from indexer.kinds import kind_of, options_of
from indexer.registry.client import TRANSIENT, NamePage, RegistryClient
from regdex import telemetry
from regdex.database import DRIVER_ERRORS, Database, Pool, end_if_cancelled
from regdex.errors import RegistryError
from regdex.settings import Registry
from regdex.store.catalog import gaps
from regdex.store.queues import backfills, sweeps
from regdex.store.queues.backfills import Progress

LEASE_SECONDS = 30.0
PROGRESS_SECONDS = 1.0
PATIENCE_SECONDS = 900.0
PAGES_AHEAD = 100
PAGES_AT_ONCE = 2
FULL_WITHIN_SECONDS = 24 * 3600
PROBLEMS_TOLD = 5


class LeaseLost(Exception):
    """Another indexer goes on with the run."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended: complete, partial or failed, and why."""

    state: str
    message: str = ""


@dataclass(slots=True)
class Cursor:
    """Where to go on, and what was counted up to there. `next` is the source's own, `sweeping` the sweep's."""

    next: str | None = None
    listed_all: bool = False
    sweeping: dict[str, Any] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    rejected: int = 0
    problems: list[str] = field(default_factory=list)


class FullRead:
    """A claimed run of `backfill`."""

    def __init__(self, db: Pool, client: RegistryClient, registry: Registry, claimed: asyncpg.Record) -> None:
        self._db = db
        self._client = client.patient(PATIENCE_SECONDS)
        self._id: int = claimed["id"]
        self._lease: uuid.UUID = claimed["lease"]
        self._registry_id: int = claimed["registry_id"]
        self._is_deep: bool = claimed["is_deep"]
        self._cursor = Cursor(**claimed["cursor"])
        self._committed = Progress(**self._cursor.counts)
        self._progress = replace(self._committed)
        self._requests_before: int = claimed["request_count"] - client.request_count
        self._selection = Selection(registry.include, registry.exclude)
        if client.referrers_supported is None:
            client.referrers_supported = claimed["referrers_supported"]
        self._source = kind_of(registry.kind).source(self._client, options_of(registry))
        self._scanner = Scanner(
            db, self._client, self._registry_id, self._id, self._progress, is_deep=claimed["is_deep"]
        )
        self._reader = PageReader(
            db,
            self._source,
            self._scanner,
            self._selection,
            self._progress,
            registry=registry.name,
            registry_id=self._registry_id,
            concurrency=registry.concurrency,
            is_reconcile=claimed["is_reconcile"],
        )

    async def run(self) -> Ending | None:
        """Read to the end; None when the lease was lost. Cancelled or interrupted, the run stays open for another."""
        reading = asyncio.create_task(self._read())
        keeping = asyncio.create_task(self._keep_lease())
        try:
            await asyncio.wait((reading, keeping), return_when=asyncio.FIRST_COMPLETED)
            if not reading.done():
                keeping.result()
            return await self.finish(reading.result())
        except LeaseLost:
            return None
        finally:
            for task in (reading, keeping):
                task.cancel()
            await asyncio.gather(reading, keeping, return_exceptions=True)

    async def finish(self, ending: Ending) -> Ending | None:
        """End the run, and forget what it noted; None when the lease was lost."""
        async with self._db.acquire() as conn, conn.transaction():
            await self._save_progress(conn)
            if not await backfills.finish_backfill(
                conn, self._id, lease=self._lease, state=ending.state, message=ending.message
            ):
                return None
            if ending.state == "complete":
                read_at = await backfills.mark_reconciled(conn, self._id, is_deep=self._is_deep)
                await gaps.close_read_gaps(conn, self._registry_id, read_at=read_at, unread=[])
            await sweeps.forget(conn, self._id)
        return ending

    async def release(self) -> None:
        """Leave the run for another to go on with at once."""
        await backfills.release_backfill(self._db, self._id, lease=self._lease)

    async def _read(self) -> Ending:
        if not self._cursor.listed_all:
            try:
                await self._read_catalog()
            except RegistryError as error:
                self._note("", error)
                self._progress.error_count += 1
                return Ending("partial" if self._progress.repository_count else "failed", self._tell_problems())
            self._cursor.listed_all = True
            await self._save_cursor(self._db)
        if self._progress.error_count:
            return Ending("partial", self._tell_problems())
        if not await backfills.is_recent(self._db, self._id, seconds=FULL_WITHIN_SECONDS):
            return Ending("partial", "it took more than 24 hours, so nothing was swept")
        sweep = Sweep(self._db, self._scanner, self._selection, self._progress, self._registry_id, self._id)
        if refusal := await sweep.prepare():
            return Ending("partial", refusal)
        await sweep.run(self._cursor.sweeping, self._save_sweeping, is_deep=self._is_deep)
        for name, problem in sweep.problems:
            self._note(name, problem)
        if self._progress.error_count:
            return Ending("partial", self._tell_problems())
        left_out = f"{self._cursor.rejected} names that are not valid were left out" if self._cursor.rejected else ""
        return Ending("complete", left_out)

    async def _read_catalog(self) -> None:
        """Two pages at a time, so that the last repositories of one do not hold up the next; committed in order."""
        window: deque[tuple[NamePage, asyncio.Task[PageRead]]] = deque()
        failure: RegistryError | None = None
        try:
            try:
                async with contextlib.aclosing(self._pages()) as pages:
                    async for page in pages:
                        window.append((page, asyncio.create_task(self._reader.read(page.names))))
                        if len(window) >= PAGES_AT_ONCE:
                            await self._commit(*window.popleft())
            except RegistryError as error:
                failure = error  # the pages before it are good
            while window:
                await self._commit(*window.popleft())
            if failure is not None:
                raise failure
        finally:
            for _, task in window:
                task.cancel()
            await asyncio.gather(*(task for _, task in window), return_exceptions=True)

    async def _pages(self) -> AsyncGenerator[NamePage]:
        """The catalog from the cursor on, listed ahead of reading so that the total is known soon."""
        queue: asyncio.Queue[NamePage | RegistryError | None] = asyncio.Queue(PAGES_AHEAD)
        listing = asyncio.create_task(self._list_ahead(queue, self._cursor.next))
        try:
            while (page := await queue.get()) is not None:
                if isinstance(page, RegistryError):
                    raise page
                yield page
        finally:
            listing.cancel()
            await asyncio.gather(listing, return_exceptions=True)

    async def _list_ahead(self, queue: "asyncio.Queue[NamePage | RegistryError | None]", cursor: str | None) -> None:
        listed = 0
        try:
            async for page in self._source.repositories(cursor):
                listed += 1
                self._progress.repository_total += len(page.names)
                await queue.put(page)
            await queue.put(None)
        except RegistryError as error:
            if listed or cursor is None or error.problem in TRANSIENT:
                await queue.put(error)
            else:
                # The registry does not take the cursor any more: from the beginning, then.
                await self._list_ahead(queue, None)

    async def _commit(self, page: NamePage, reading: "asyncio.Task[PageRead]") -> None:
        read = await reading
        counts = self._committed
        counts.repository_total += len(page.names)
        counts.repository_count += read.repository_count
        counts.tag_count += read.tag_count
        counts.error_count += len(read.problems)
        self._cursor.rejected += page.rejected + read.rejected
        self._cursor.next = page.next
        for name, error in read.problems:
            self._note(name, error)
        async with self._scanner.recorded() as conn:
            await sweeps.add_listed(conn, self._id, self._registry_id, page.names)
            await sweeps.add_missing(conn, self._id, read.missing)
            await self._save_cursor(conn)

    async def _save_sweeping(self, db: Database, sweeping: dict[str, Any]) -> None:
        self._cursor.sweeping = sweeping
        self._committed.swept_count = self._progress.swept_count
        self._committed.error_count = self._progress.error_count
        await self._save_cursor(db)

    async def _save_cursor(self, db: Database) -> None:
        self._committed.manifest_count = self._progress.manifest_count
        self._cursor.counts = asdict(self._committed)
        await self._save_progress(db, asdict(self._cursor))

    async def _save_progress(self, db: Database, cursor: dict[str, Any] | None = None) -> None:
        self._progress.request_count = self._requests_before + self._client.request_count
        if not await backfills.save_progress(
            db, self._id, lease=self._lease, lease_seconds=LEASE_SECONDS, progress=self._progress, cursor=cursor
        ):
            raise LeaseLost

    async def _keep_lease(self) -> None:
        """Write the counts and renew the lease each second; LeaseLost when it cannot be renewed in time."""
        renewed = time.monotonic()
        while True:
            await asyncio.sleep(PROGRESS_SECONDS)
            try:
                await self._save_progress(self._db)
                renewed = time.monotonic()
            except DRIVER_ERRORS as error:
                end_if_cancelled()
                if time.monotonic() - renewed > LEASE_SECONDS:
                    raise LeaseLost from error

    def _note(self, name: str, error: RegistryError) -> None:
        """Keep the first few problems to tell."""
        telemetry.FETCH_ERRORS.labels(self._client.name, error.problem).inc()
        if len(self._cursor.problems) < PROBLEMS_TOLD:
            self._cursor.problems.append(f"{name}: {error}" if name else str(error))

    def _tell_problems(self) -> str:
        more = self._progress.error_count - len(self._cursor.problems)
        told = "; ".join(self._cursor.problems)
        return f"{told}; and {more} more" if more > 0 else told
