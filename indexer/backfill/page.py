"""Reads the repositories of one page, several at once, and notes what came of them for the end of the run."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from indexer.backfill.repository import RepositoryRead, RepositoryReader
from indexer.backfill.selection import Selection
from regdex.database import Connection, Pool
from regdex.errors import RegistryError
from regdex.store.catalog import names as repository_names
from regdex.store.queues import sweeps, visits
from regdex.store.queues.backfills import Progress
from regdex.store.queues.visits import Visit

NOT_THERE = RegistryError("not_found", "it has no list of tags, which may be for want of rights")


@dataclass(slots=True)
class PageRead:
    """What came of a page. `repository_count` has those that are not wanted, too."""

    repository_count: int = 0
    reads: list[RepositoryRead] = field(default_factory=list)

    @property
    def unread(self) -> list[RepositoryRead]:
        return [read for read in self.reads if read.problems]

    @property
    def tag_count(self) -> int:
        return sum(read.tag_count for read in self.reads)


class PageReader:
    """Reads pages of names for one run."""

    def __init__(
        self,
        db: Pool,
        reader: RepositoryReader,
        selection: Selection,
        progress: Progress,
        *,
        registry_id: int,
        concurrency: int,
    ) -> None:
        self._db = db
        self._reader = reader
        self._selection = selection
        self._progress = progress
        self._registry_id = registry_id
        self._repositories = asyncio.Semaphore(concurrency)

    async def read(self, names: Sequence[str]) -> PageRead:
        """All of them that are wanted. What cannot be read of one does not stop the others."""
        page = PageRead()
        wanted = [name for name in names if self._selection.wants(name)]
        ids = await repository_names.find_repositories(self._db, self._registry_id, wanted)
        self._count(page, len(names) - len(wanted))
        async with asyncio.TaskGroup() as group:
            for name in wanted:
                await self._repositories.acquire()
                group.create_task(self._read_one(page, name, ids))
        return page

    async def _read_one(self, page: PageRead, name: str, ids: Mapping[str, int]) -> None:
        try:
            page.reads.append(await self._reader.read(name, ids.get(name, 0)))
        finally:
            self._repositories.release()
        self._count(page, 1)

    def _count(self, page: PageRead, count: int) -> None:
        page.repository_count += count
        self._progress.repository_count += count


async def intern(conn: Connection, registry_id: int, page: PageRead) -> None:
    """Give the repositories a number that need one: because something is found, or to be told, of them."""
    nameless = {read.name for read in page.reads if not read.repository_id and (read.problems or read.tag_count)}
    ids = await repository_names.intern_repositories(conn, registry_id, nameless)
    for read in page.reads:
        read.repository_id = read.repository_id or ids.get(read.name, 0)


async def note(conn: Connection, run_id: int, reads: Iterable[RepositoryRead], *, may_have_left: bool) -> None:
    """Note what was found, and what is missing. `may_have_left`: the whole catalog names none of these.

    Where they are not in the catalog and it was not whole, one without a list has not been read.
    """
    visited = [
        Visit(read.repository_id, read.problem, may_have_left and read.is_empty and not read.problems)
        for read in reads
        if read.repository_id
    ]
    await visits.add_visits(conn, run_id, visited)
    await sweeps.add_missing(
        conn,
        run_id,
        [(read.repository_id, tag) for read in reads if not (may_have_left and read.is_empty) for tag in read.missing],
    )
