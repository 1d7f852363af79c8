"""Scans tags and manifests: requests them from the registry, stores new content, and records scans in batches.

For a stored tag a HEAD is enough if the tag has not moved. Otherwise one GET by tag is the scan: digest, content and
time come from the same answer, so a tag that moves between two requests is never recorded with mixed values.
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import asyncpg

from indexer.fetching.heads import ask_head
from indexer.fetching.reader import store_fetched
from indexer.kinds import ListedTag
from indexer.recording.scans import ManifestScan, TagScan, record_scans
from indexer.registry.answered import Answered
from indexer.registry.client import Fetched, Missing, RegistryClient, Unchanged
from regdex.database import Connection, Pool
from regdex.digest import Digest
from regdex.errors import RegistryError
from regdex.store.content import manifests
from regdex.store.queues import known as known_rows
from regdex.store.queues.backfills import Progress
from regdex.store.queues.known import KnownTag

MAX_WAITING_SCANS = 1000
MAX_REMEMBERED = 200_000
RECORD_ATTEMPTS = 3


class Scanner:
    """Scans one registry. With `is_deep` it also lists referrers of manifests already stored.

    With `heads_only` no manifest is fetched: digests are what the registry lists, or what HEAD claims.
    """

    def __init__(
        self,
        db: Pool,
        client: RegistryClient,
        registry_id: int,
        progress: Progress,
        *,
        run_id: int,
        is_deep: bool,
        heads_only: bool,
    ) -> None:
        self._db = db
        self._client = client
        self._registry_id = registry_id
        self._run_id = run_id
        self._progress = progress
        self._is_deep = is_deep
        self._heads_only = heads_only
        self._listed: tuple[str, str] | None = None  # a tag that the registry lists with its digest
        self._scans: list[TagScan | ManifestScan] = []
        self._unstored: dict[int, TagScan] = {}
        self._known: set[Digest] = set()
        self._storing: dict[Digest, asyncio.Lock] = {}
        # By repository, while it is being read: scanned manifests, and manifests whose referrers were listed.
        self._noted: defaultdict[str, set[Digest]] = defaultdict(set)
        self._asked: defaultdict[str, set[Digest]] = defaultdict(set)

    async def read_tag(self, repository: str, tag: ListedTag, known: KnownTag | None) -> Digest | None:
        """Scan a listed tag and return its digest; None, without a scan, where GET answers 404."""
        if tag.digest is not None:
            return await self._read_listed(repository, tag.name, tag.digest, tag.answered)
        if self._heads_only:
            answer: Unchanged | Fetched | Missing = await ask_head(self._client, repository, tag.name)
            if isinstance(answer, Missing):
                raise RegistryError("unsupported", "HEAD answers 404 for a tag that is listed")
        else:
            answer = await self._client.resolve(repository, tag.name, () if known is None else (known.digest,))
        return None if isinstance(answer, Missing) else await self._read(repository, tag.name, answer)

    async def _read_listed(self, repository: str, tag: str, digest: Digest, answered: Answered) -> Digest:
        """Scan a tag that is listed with its digest; only new content is requested."""
        self._listed = repository, tag
        with self._seeing_tag(TagScan(repository, tag, digest, answered.at, answered)):
            if not self._heads_only and not await self._is_known(digest):
                await self._store(repository, await self._client.get_manifest(repository, str(digest)))
                await self._read_referrers(repository, digest)
            elif self._is_deep:
                await self._read_referrers(repository, digest)
        return digest

    async def confirm_tag(self, repository: str, tag: str) -> bool:
        """Scan a tag that was not listed; return False where it is deleted.

        Sends GET, because registries and caches in front of them answer HEAD for deleted tags.
        """
        answer = await self._ask(repository, tag)
        if isinstance(answer, Missing):
            self._scans.append(TagScan(repository, tag, None, answer.at, answer.answered))
            return False
        await self._read(repository, tag, answer)
        return True

    async def _read(self, repository: str, tag: str, answer: Unchanged | Fetched) -> Digest:
        """Scan a tag from an answer, and store new content."""
        with self._seeing_tag(TagScan(repository, tag, answer.digest, answer.at, answer.answered)):
            if isinstance(answer, Fetched):
                await self._store(repository, answer)
                await self._read_referrers(repository, answer.digest)
            elif self._is_deep:
                await self._read_referrers(repository, answer.digest)
        return answer.digest

    async def read_manifest(self, repository: str, digest: Digest) -> bool:
        """Scan a manifest; return whether it is in the repository."""
        answer = await self._ask(repository, str(digest), digest)
        present = not isinstance(answer, Missing)
        if present and not self._heads_only and not await self._is_known(digest):
            if not isinstance(answer, Fetched):
                answer = await self._client.get_manifest(repository, str(digest))
            await self._store(repository, answer)
        self._saw_manifest(repository, digest, present, answer.answered)
        return present

    async def _ask(self, repository: str, reference: str, *expected: Digest) -> Unchanged | Fetched | Missing:
        if self._heads_only:
            if self._client.heads_trusted is None and self._listed is not None:
                with contextlib.suppress(RegistryError):  # sets `heads_trusted`
                    await ask_head(self._client, *self._listed)
            return await ask_head(self._client, repository, reference)
        return await self._client.resolve(repository, reference, expected)

    async def read_children(self, repository: str, repository_id: int, digests: set[Digest]) -> None:
        """Scan the children of these indexes that were never seen in this repository; ends its reading.

        Content stored from another repository does not show that this one has the children.
        """
        noted = self._noted.pop(repository, set())
        self._asked.pop(repository, None)
        for child in await known_rows.list_unseen_children(self._db, repository_id, list(digests)):
            if child not in noted:
                await self.read_manifest(repository, child)
        self._noted.pop(repository, None)

    @contextmanager
    def _seeing_tag(self, scan: TagScan) -> Iterator[None]:
        """Queue a tag scan for recording once its content is stored, or when storing fails or `flush` is called."""
        self._unstored[id(scan)] = scan
        try:
            yield
        finally:
            if self._unstored.pop(id(scan), None) is not None:
                self._scans.append(scan)

    def _saw_manifest(self, repository: str, digest: Digest, present: bool, answered: Answered) -> None:
        self._scans.append(ManifestScan(repository, digest, present, answered.at, answered))
        self._noted[repository].add(digest)

    async def _is_known(self, digest: Digest) -> bool:
        """Return whether the content is stored, so that it need not be fetched."""
        if digest not in self._known:
            if not await manifests.list_known(self._db, [digest]):
                return False
            self._remember(digest)
        return True

    async def flush_if_many(self) -> None:
        """Record the queued scans if they are at least `MAX_WAITING_SCANS`."""
        if len(self._scans) >= MAX_WAITING_SCANS:
            async with self.recorded():
                pass

    async def flush(self) -> None:
        """Record all scans, also of tags whose content is not stored yet."""
        self._scans += self._unstored.values()
        self._unstored.clear()
        async with self.recorded():
            pass

    @asynccontextmanager
    async def recorded(self) -> AsyncIterator[Connection]:
        """Open a transaction in which the queued scans have been recorded; the caller may add to it."""
        scans, self._scans = self._scans, []
        async with self._db.acquire() as conn, conn.transaction():
            await self._record(conn, scans)
            yield conn

    async def _record(self, conn: Connection, scans: list[TagScan | ManifestScan]) -> None:
        """Record the scans, again from a savepoint after a deadlock or serialization failure."""
        for attempt in range(1, RECORD_ATTEMPTS + 1):
            try:
                async with conn.transaction():
                    await record_scans(conn, self._registry_id, scans, run_id=self._run_id)
                return
            except (asyncpg.DeadlockDetectedError, asyncpg.SerializationError):
                if attempt == RECORD_ATTEMPTS:
                    raise

    async def _store(self, repository: str, fetched: Fetched) -> None:
        """Store content that is new, with its referrers as far as one tree has room for them.

        Equal digests that come at the same time are stored once. Raises RegistryError after storing the content where
        its referrers could not be listed at present.
        """
        lock = self._storing.setdefault(fetched.digest, asyncio.Lock())
        try:
            async with lock:
                if await self._is_known(fetched.digest):
                    return
                stored = await store_fetched(self._db, self._client, self._registry_id, repository, fetched)
        finally:
            self._storing.pop(fetched.digest, None)
        self._progress.manifest_count += stored.fetched_count
        self._remember(fetched.digest)
        if not stored.has_more_referrers:
            self._asked[repository].add(fetched.digest)
        for digest in stored.present:
            if digest != fetched.digest:
                self._saw_manifest(repository, digest, True, stored.answered)
        for digest, answered in stored.absent.items():
            self._saw_manifest(repository, digest, False, answered)
        if stored.referrers_error is not None:
            raise stored.referrers_error

    async def _read_referrers(self, repository: str, digest: Digest) -> None:
        """List referrers of stored content, where the registry has the API for it; fallback tags come as tags.

        Raises RegistryError `list_incomplete`, after reading those that were listed, where there may be more.
        """
        if self._heads_only or self._client.referrers_supported is False or digest in self._asked[repository]:
            return
        self._asked[repository].add(digest)
        try:
            found = await self._client.referrers(repository, digest)
        except RegistryError as error:
            error.about("its referrers")
            raise
        for referrer in found.digests:
            if not await self._is_known(referrer):
                await self._store(repository, await self._client.get_manifest(repository, str(referrer)))
            self._saw_manifest(repository, referrer, True, found.answered)
        if found.problem:
            raise RegistryError("list_incomplete", found.problem)

    def _remember(self, digest: Digest) -> None:
        if len(self._known) >= MAX_REMEMBERED:
            self._known.clear()
        self._known.add(digest)
