"""Reads the repositories of one catalog page: their tags, several at once, and what is below them."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field

from indexer.backfill.scanner import Scanner
from indexer.backfill.selection import Selection
from indexer.kinds import Source
from regdex import telemetry
from regdex.database import Pool
from regdex.digest import Digest
from regdex.errors import RegistryError
from regdex.store.queues import sweeps
from regdex.store.queues.backfills import Progress
from regdex.store.queues.sweeps import KnownTag


@dataclass(slots=True)
class PageRead:
    """What came of a page. `missing` are (repository id, tag) of tags that are known and were not there."""

    names: Sequence[str]
    repository_count: int = 0
    tag_count: int = 0
    rejected: int = 0
    missing: list[tuple[int, str]] = field(default_factory=list)
    problems: list[tuple[str, RegistryError]] = field(default_factory=list)


class PageReader:
    """Of one registry during one run; `progress` is told at once what is read."""

    def __init__(
        self,
        db: Pool,
        source: Source,
        scanner: Scanner,
        selection: Selection,
        progress: Progress,
        *,
        registry: str,
        registry_id: int,
        concurrency: int,
        is_reconcile: bool,
    ) -> None:
        self._db = db
        self._source = source
        self._scanner = scanner
        self._selection = selection
        self._progress = progress
        self._registry = registry
        self._registry_id = registry_id
        self._is_reconcile = is_reconcile
        self._repositories = asyncio.Semaphore(concurrency)
        # Tags wait for a turn here and for a connection in the client: one repository of many tags is read as fast as
        # many repositories of one.
        self._turns = asyncio.Semaphore(2 * concurrency)

    async def read(self, names: Sequence[str]) -> PageRead:
        """All of them that are wanted. What cannot be read is among the problems, and does not stop the others."""
        page = PageRead(names)
        wanted = [name for name in names if self._selection.wants(name)]
        known = await sweeps.find_repositories(self._db, self._registry_id, wanted)
        self._add_repositories(page, len(names) - len(wanted))
        async with asyncio.TaskGroup() as group:
            for name in wanted:
                await self._repositories.acquire()
                group.create_task(self._read_repository(page, name, known.get(name, 0)))
        return page

    async def _read_repository(self, page: PageRead, name: str, repository_id: int) -> None:
        problems: list[tuple[str, RegistryError]] = []
        found: dict[str, Digest | None] = {}
        try:
            known = await sweeps.list_known_tags(self._db, repository_id) if repository_id else {}
            async with asyncio.TaskGroup() as group, contextlib.aclosing(self._tags(page, name)) as tags:
                try:
                    async for tag in tags:
                        if tag not in found:
                            found[tag] = None
                            await self._turns.acquire()
                            group.create_task(self._read_tag(problems, name, tag, known.get(tag), found))
                except RegistryError as error:
                    self._fail(problems, name, error)
            await self._read_children(problems, name, repository_id, found)
            if not problems:
                page.missing += [(repository_id, tag) for tag in known if found.get(tag) is None]
            await self._scanner.flush_if_many()
        finally:
            self._repositories.release()
        page.problems += problems
        page.tag_count += sum(digest is not None for digest in found.values())
        self._add_repositories(page, 1)

    async def _tags(self, page: PageRead, name: str) -> AsyncGenerator[str]:
        """A repository's tags; none where the registry has it in its catalog only, as Distribution for a while does.

        No tags, or `null`, makes nothing gone by itself: every tag that is known is asked for before it is.
        """
        try:
            async for names in self._source.tags(name):
                page.rejected += names.rejected
                for tag in names.names:
                    yield tag
        except RegistryError as error:
            if error.problem != "not_found":
                raise

    async def _read_tag(
        self,
        problems: list[tuple[str, RegistryError]],
        repository: str,
        tag: str,
        known: KnownTag | None,
        found: dict[str, Digest | None],
    ) -> None:
        try:
            digest = found[tag] = await self._scanner.read_tag(repository, tag, known)
        except RegistryError as error:
            self._fail(problems, f"{repository}:{tag}", error)
            return
        finally:
            self._turns.release()
        if digest is not None:
            self._progress.tag_count += 1
            if self._is_reconcile and (known is None or known.digest != digest):
                telemetry.RECONCILE_DIFFERENCES.labels(self._registry).inc()

    async def _read_children(
        self,
        problems: list[tuple[str, RegistryError]],
        name: str,
        repository_id: int,
        found: dict[str, Digest | None],
    ) -> None:
        try:
            digests = {digest for digest in found.values() if digest is not None}
            await self._scanner.read_children(name, repository_id, digests)
        except RegistryError as error:
            self._fail(problems, name, error)

    def _fail(self, problems: list[tuple[str, RegistryError]], name: str, error: RegistryError) -> None:
        problems.append((name, error))
        self._progress.error_count += 1

    def _add_repositories(self, page: PageRead, count: int) -> None:
        page.repository_count += count
        self._progress.repository_count += count
