"""Reads one repository: its tags, several at once, and their manifests. Missing tags are reported, not yet deleted."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

from indexer.backfill.scanner import Scanner
from indexer.kinds import ListedTag, Source
from regdex import telemetry
from regdex.database import Pool
from regdex.digest import Digest
from regdex.errors import RegistryError
from regdex.store.queues import known
from regdex.store.queues.backfills import Progress
from regdex.store.queues.known import KnownTag


@dataclass(slots=True)
class RepositoryRead:
    """The result of reading a repository; `repository_id` is 0 where the repository is not stored yet.

    `missing` are stored tags that were not found. With `is_listed` the registry has a list of its tags; with `is_empty`
    no tag was listed. `problems` are pairs (name, error) of everything that could not be read; without them the
    repository was read in full. `referrers_error` is why referrers could not be listed, on which no tag depends.
    """

    name: str
    repository_id: int
    is_listed: bool = True
    is_empty: bool = True
    tag_count: int = 0
    difference_count: int = 0
    rejected: int = 0
    missing: list[str] = field(default_factory=list)
    problems: list[tuple[str, RegistryError]] = field(default_factory=list)
    referrers_error: RegistryError | None = None

    @property
    def problem(self) -> str | None:
        """Why the repository was not read in full; None if it was."""
        if not self.problems:
            return None
        where, error = self.problems[0]
        inside = where.removeprefix(self.name).removeprefix(":")
        return f"{inside}: {error}" if inside else str(error)


class RepositoryReader:
    """Reads repositories of one registry; counts tags and errors in `progress` as they are read."""

    def __init__(
        self,
        db: Pool,
        source: Source,
        scanner: Scanner,
        progress: Progress,
        *,
        registry: str,
        concurrency: int,
        is_reconcile: bool,
    ) -> None:
        self._db = db
        self._source = source
        self._scanner = scanner
        self._progress = progress
        self._registry = registry
        self._is_reconcile = is_reconcile
        # This limits tags, and the client limits requests: one repository with many tags is read as fast as many
        # repositories with one tag.
        self._turns = asyncio.Semaphore(2 * concurrency)

    async def read(self, name: str, repository_id: int) -> RepositoryRead:
        """Read a repository as far as possible; failures are added to `problems`."""
        read = RepositoryRead(name, repository_id)
        tags = await known.list_known_tags(self._db, repository_id) if repository_id else {}
        found: dict[str, Digest | None] = {}
        async with asyncio.TaskGroup() as group, contextlib.aclosing(self._tags(read)) as listed:
            try:
                async for tag in listed:
                    if tag.name not in found:
                        found[tag.name] = None
                        await self._turns.acquire()
                        group.create_task(self._read_tag(read, tag, tags.get(tag.name), found))
            except RegistryError as error:
                self._fail(read, name, error)
        await self._read_children(read, found)
        read.referrers_error = self._scanner.take_referrers_error(name)
        read.is_empty = not found
        read.tag_count = sum(digest is not None for digest in found.values())
        if not read.problems:
            read.missing = [tag for tag in tags if found.get(tag) is None]
        await self._scanner.flush_if_many()
        return read

    async def _tags(self, read: RepositoryRead) -> AsyncGenerator[ListedTag]:
        """Yield the tags; none where only the catalog has the repository, as for a while in Distribution.

        An empty list deletes nothing by itself: the registry is asked for every stored tag first.
        """
        try:
            async for page in self._source.tags(read.name):
                read.rejected += page.rejected
                for tag in page.tags:
                    yield tag
        except RegistryError as error:
            if error.problem != "not_found":
                raise
            read.is_listed = False

    async def _read_tag(
        self, read: RepositoryRead, tag: ListedTag, before: KnownTag | None, found: dict[str, Digest | None]
    ) -> None:
        try:
            digest = found[tag.name] = await self._scanner.read_tag(read.name, tag, before)
        except RegistryError as error:
            self._fail(read, f"{read.name}:{tag.name}", error)
            return
        finally:
            self._turns.release()
        if digest is not None:
            self._progress.tag_count += 1
            if before is None or before.digest != digest:
                read.difference_count += 1
                if self._is_reconcile:
                    telemetry.RECONCILE_DIFFERENCES.labels(self._registry).inc()

    async def _read_children(self, read: RepositoryRead, found: dict[str, Digest | None]) -> None:
        try:
            digests = {digest for digest in found.values() if digest is not None}
            await self._scanner.read_children(read.name, read.repository_id, digests)
        except RegistryError as error:
            self._fail(read, read.name, error)

    def _fail(self, read: RepositoryRead, where: str, error: RegistryError) -> None:
        read.problems.append((where, error))
        self._progress.error_count += 1
        telemetry.FETCH_ERRORS.labels(self._registry, error.problem).inc()
