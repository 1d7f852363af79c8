"""Reads all repositories of a registry: those of the catalog, those of the settings, and other stored ones."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from indexer.backfill.catalog import Catalog
from indexer.backfill.ending import Cursor, Interrupted, describe, ends_run
from indexer.backfill.page import NOT_THERE, PageRead, PageReader, intern, note
from indexer.backfill.scanner import Scanner
from indexer.kinds import Source
from indexer.registry.client import TRANSIENT, NamePage, RegistryClient
from regdex.database import Database, Pool
from regdex.errors import RegistryError
from regdex.store.queues import visits
from regdex.store.queues.backfills import Progress

PAGES_AT_ONCE = 2
KNOWN_AT_ONCE = 100
EMPTY_CATALOG = "the catalog is empty, although the registry has repositories"

Save = Callable[[Database], Awaitable[None]]


class Walk:
    """The walk of one run from its cursor on; `save` writes the cursor. `named` are the names in the settings."""

    def __init__(
        self,
        db: Pool,
        source: Source,
        pages: PageReader,
        scanner: Scanner,
        cursor: Cursor,
        progress: Progress,
        committed: Progress,
        save: Save,
        *,
        run_id: int,
        registry_id: int,
        client: RegistryClient,
        named: Sequence[str],
    ) -> None:
        self._db = db
        self._catalog = Catalog(source, progress)
        self._pages = pages
        self._scanner = scanner
        self._cursor = cursor
        self._progress = progress
        self._committed = committed
        self._save = save
        self._run_id = run_id
        self._registry_id = registry_id
        self._client = client
        self._named = tuple(dict.fromkeys(named))
        self._is_named = frozenset(named)

    async def go(self) -> None:
        """Read all repositories; raise Interrupted where the registry as a whole cannot be read."""
        cursor = self._cursor
        if not cursor.listed_all:
            try:
                await self._read_catalog()
            except RegistryError as error:
                await self._check_registry(error)
                cursor.catalog_problem = str(error)
                self._progress.error_count += 1
                self._committed.error_count += 1
            cursor.listed_all = True
            await self._save(self._db)
        if not cursor.has_read_named:
            for start in range(0, len(self._named), KNOWN_AT_ONCE):
                await self._read_others(self._named[start : start + KNOWN_AT_ONCE])
            cursor.has_read_named = True
            await self._save(self._db)
        while not cursor.has_walked:
            others = await visits.list_unvisited(
                self._db,
                self._run_id,
                self._registry_id,
                everything=bool(cursor.catalog_problem),
                after=cursor.known_after,
                limit=KNOWN_AT_ONCE,
            )
            await self._read_others([other.name for other in others])
            cursor.known_after = others[-1].id if others else cursor.known_after
            cursor.has_walked = not others
            await self._save(self._db)

    async def _check_registry(self, error: RegistryError) -> None:
        """Raise Interrupted when the registry is down, because `/v2/` fails as well as the catalog.

        A proxy may pass nothing but repositories, so other answers of `/v2/` do not matter.
        """
        if ends_run(error):
            raise Interrupted(str(error)) from error
        try:
            await self._client.ping()
        except RegistryError as answer:
            if answer.problem in TRANSIENT:
                raise Interrupted(str(error)) from error

    async def _read_catalog(self) -> None:
        """Read two pages at a time, so that slow repositories do not hold up the next page; commit them in order."""
        window: deque[tuple[NamePage, asyncio.Task[PageRead]]] = deque()
        failure: RegistryError | None = None
        try:
            try:
                async with contextlib.aclosing(self._catalog.pages(self._cursor.next)) as pages:
                    async for page in pages:
                        window.append((page, asyncio.create_task(self._pages.read(page.names))))
                        if len(window) >= PAGES_AT_ONCE:
                            await self._commit_page(*window.popleft())
            except RegistryError as error:
                failure = error  # the pages before it are committed
            while window:
                await self._commit_page(*window.popleft())
            if failure is not None:
                raise failure
        finally:
            for _, task in window:
                task.cancel()
            await asyncio.gather(*(task for _, task in window), return_exceptions=True)

    async def _commit_page(self, page: NamePage, reading: "asyncio.Task[PageRead]") -> None:
        read = await reading
        self._cursor.next = page.next
        self._cursor.catalog_count += len(page.names)
        self._cursor.rejected += page.rejected
        await self._commit(read, len(page.names), may_have_left=False)

    async def _read_others(self, names: Sequence[str]) -> None:
        """Read repositories that the settings name, or that are stored and not in the catalog."""
        visited = await visits.list_visited(self._db, self._run_id, self._registry_id, names)
        names = [name for name in dict.fromkeys(names) if name not in visited]
        self._progress.repository_total += len(names)
        read = await self._pages.read(names)
        is_whole = not self._cursor.catalog_problem
        for one in read.reads:
            if not (is_whole or one.is_listed or one.problems) and (one.missing or one.name in self._is_named):
                one.problems.append((one.name, NOT_THERE))
                self._progress.error_count += 1
        cursor = self._cursor
        if (
            is_whole
            and not cursor.catalog_count
            and any(one.tag_count and one.name not in self._is_named for one in read.reads)
        ):
            cursor.catalog_problem = EMPTY_CATALOG
        await self._commit(read, len(names), may_have_left=not cursor.catalog_problem)

    async def _commit(self, read: PageRead, listed_count: int, *, may_have_left: bool) -> None:
        """Record the results together with the cursor; raise Interrupted when the registry has stopped answering."""
        counts, cursor = self._committed, self._cursor
        counts.repository_total += listed_count
        counts.repository_count += read.repository_count
        counts.tag_count += read.tag_count
        counts.error_count += sum(len(one.problems) for one in read.reads)
        cursor.read_count += len(read.reads) - len(read.unread)
        cursor.rejected += sum(one.rejected for one in read.reads)
        cursor.difference_count += sum(one.difference_count for one in read.reads)
        for one in sorted(read.unread, key=lambda one: one.name):
            cursor.note(one.name, one.problem or "")
        async with self._db.acquire() as conn, conn.transaction():
            await intern(conn, self._registry_id, read)
        for one in sorted(read.reads, key=lambda one: one.name):
            if one.referrers_error is not None and one.repository_id:
                cursor.note_unlisted(one.repository_id, one.name, str(one.referrers_error))
        async with self._scanner.recorded() as recorded:
            await note(recorded, self._run_id, read.reads, may_have_left=may_have_left)
            await self._save(recorded)
        for one in read.unread:
            for _, error in one.problems:
                if ends_run(error):
                    raise Interrupted(str(error))
        if cursor.catalog_problem and not cursor.read_count and cursor.unread_count >= KNOWN_AT_ONCE:
            raise Interrupted(describe(cursor))
