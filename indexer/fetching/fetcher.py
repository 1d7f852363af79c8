"""Fetches the manifests in the fetch queue, and answers questions about single tags and manifests.

Each registry has its own claims, workers and breaker (a bulkhead), so a registry that is down delays only its own
manifests. A claim is a lease, so no transaction is open during a request; storing a manifest twice has no effect.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import structlog

from indexer import wakeups
from indexer.fetching import reader
from indexer.fetching.asking import GIVE_UP_ATTEMPTS, LEASE, Asker, pause_after
from indexer.fetching.contents import refresh_holders, refused, write_contents
from indexer.recording.current import QUESTION_DELAY
from indexer.recording.recorder import ManifestScan, record_scans
from indexer.registry.client import PASSING, RegistryClient
from indexer.wakeups import Wakeups
from regdex import telemetry
from regdex.database import Pool, end_if_cancelled, is_away, outage_logged
from regdex.digest import Digest
from regdex.errors import RegistryError
from regdex.store.content import manifests
from regdex.store.queues import fetches, questions
from regdex.times import wait_until_set

log = structlog.get_logger()

MEASURE_SECONDS = 10


@dataclass(frozen=True, slots=True)
class _Job:
    """A claimed row of the fetch queue."""

    repository_id: int
    repository: str
    digest_id: int
    digest: Digest
    attempts: int
    read_mode: str


class Fetcher:
    """Fetches from all registries of this process until cancelled; `clients` are by registry name."""

    def __init__(self, db: Pool, clients: Mapping[str, RegistryClient], wakeups: Wakeups) -> None:
        self._db = db
        self._clients = dict(clients)
        self._wakeups = wakeups
        self._lines: list[_Line] = []

    async def run(self) -> None:
        ids: dict[str, int] | None = None
        while ids is None:
            with outage_logged("registries not read"):
                ids = await fetches.list_registry_ids(self._db, list(self._clients))
            if ids is None:
                await asyncio.sleep(wakeups.POLL_SECONDS)
        self._lines = [_Line(self._db, id, self._clients[name]) for name, id in ids.items()]
        async with asyncio.TaskGroup() as group:
            for line in self._lines:
                group.create_task(line.run())
            group.create_task(self._wake())
            group.create_task(self._measure())

    async def _wake(self) -> None:
        """Pass each wake-up on to every line, because it does not name the registry."""
        while True:
            await self._wakeups.wait(wakeups.FETCH)
            for line in self._lines:
                line.wake.set()

    async def _measure(self) -> None:
        while True:
            with outage_logged("fetches not counted"):
                telemetry.FETCH_WAITING.set(await fetches.count_waiting(self._db))
            await asyncio.sleep(MEASURE_SECONDS)


class _Line:
    """One registry's claims, workers and questions."""

    def __init__(self, db: Pool, registry_id: int, client: RegistryClient) -> None:
        self._db = db
        self._registry_id = registry_id
        self._client = client
        self._waiting: asyncio.Queue[_Job] = asyncio.Queue(maxsize=client.concurrency)
        self.wake = asyncio.Event()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep(self._claim, self._sleep))
            group.create_task(self._keep(Asker(self._db, self._registry_id, self._client).step, self._pause))
            for _ in range(self._client.concurrency):
                group.create_task(self._keep(self._work, None))

    async def _keep(self, step: Callable[[], Awaitable[bool]], idle: Callable[[], Awaitable[None]] | None) -> None:
        """Repeat `step`, and call `idle` when it returned False; failed work is repeated when its lease expires."""
        while True:
            try:
                if not await step() and idle is not None:
                    await idle()
            except Exception as error:
                end_if_cancelled()
                name = type(error).__name__
                log.warning("fetcher interrupted", registry=self._client.name, error=name, exc_info=not is_away(error))
                await asyncio.sleep(wakeups.POLL_SECONDS)

    async def _sleep(self) -> None:
        await wait_until_set(self.wake, wakeups.POLL_SECONDS)

    async def _pause(self) -> None:
        await asyncio.sleep(wakeups.POLL_SECONDS)

    async def _claim(self) -> bool:
        """Claim the fetches that are due, up to a limit; none while the registry or the breaker forbids requests."""
        self.wake.clear()
        if self._client.wait_seconds() > 0:
            return False
        limit = 4 * self._client.concurrency
        rows = await fetches.claim_fetches(self._db, self._registry_id, limit=limit, lease=LEASE)
        jobs = [
            _Job(row["repository_id"], row["repository"], row["digest_id"], Digest(row["algorithm"], row["hash"]),
                 row["attempts"], row["read_mode"])
            for row in rows
        ]  # fmt: skip
        known = [job for job, row in zip(jobs, rows, strict=True) if row["is_known"]]
        if known:
            await self._finish(known, [])
        for job, row in zip(jobs, rows, strict=True):
            if not row["is_known"]:
                await self._waiting.put(job)
        return len(rows) == limit

    async def _work(self) -> bool:
        job = await self._waiting.get()
        try:
            stored = await reader.fetch(
                self._db,
                self._client,
                self._registry_id,
                job.repository,
                job.digest,
                alone=job.read_mode != "full",
            )
            known = await manifests.list_present(self._db, self._registry_id, job.repository, stored.present)
            new = [digest for digest in stored.present if digest not in known]
            scans = [ManifestScan(job.repository, digest, True, stored.answered.at, stored.answered) for digest in new]
            scans += [
                ManifestScan(job.repository, digest, False, answered.at, answered)
                for digest, answered in stored.absent.items()
            ]
            await self._finish([job], scans, reads_again=stored.has_more_referrers)
        except RegistryError as error:
            await self._fail(job, error)
        except Exception as error:
            end_if_cancelled()
            if is_away(error):
                raise
            log.exception("manifest cannot be stored", registry=self._client.name, digest=str(job.digest))
            await self._fail(job, RegistryError("internal_error"))
        return True

    async def _finish(self, jobs: Sequence[_Job], scans: Sequence[ManifestScan], *, reads_again: bool = False) -> None:
        """Delete jobs from the queue, record `scans`, and compute again what the repositories derive from content.

        With `reads_again` the repositories are read in full later, because not all referrers of a manifest were read.
        """
        repository_ids = sorted({job.repository_id for job in jobs})
        async with self._db.acquire() as conn, conn.transaction():
            if scans:
                await record_scans(conn, self._registry_id, scans)
            await refresh_holders(conn, [(job.repository_id, job.digest_id) for job in jobs])
            await manifests.move_versions(conn, repository_ids)
            if reads_again:
                await questions.raise_questions(
                    conn, [(id, questions.EVERYTHING) for id in repository_ids], delay=QUESTION_DELAY
                )
            await fetches.delete_fetches(conn, [job.repository_id for job in jobs], [job.digest_id for job in jobs])

    async def _fail(self, job: _Job, error: RegistryError) -> None:
        """Postpone a failed job; after six attempts with a problem that does not pass by itself, end it.

        A manifest that is still missing then is recorded as absent. Another problem is stored as state `rejected`, in
        most cases at the first failure.
        """
        telemetry.FETCH_ERRORS.labels(self._client.name, error.problem).inc()
        is_final = error.problem not in PASSING and job.attempts >= GIVE_UP_ATTEMPTS
        if not is_final:
            await fetches.postpone_fetch(self._db, job.repository_id, job.digest_id, pause_after(error, job.attempts))
        if error.problem == "not_found":
            if is_final:
                await self._record_missing(job)
        elif is_final or error.problem not in PASSING | {"unexpected_content", "internal_error"}:
            await write_contents(self._db, [refused(job.digest, error.problem)])
            if is_final:
                await self._finish([job], [])

    async def _record_missing(self, job: _Job) -> None:
        """Record that a manifest is absent if its repository can be listed; otherwise store it as `rejected`.

        A registry may answer 404 because of missing permissions, but then the repository cannot be listed either.
        """
        scans: list[ManifestScan] = []
        try:
            page = await self._client.tags_page(job.repository)
            scans = [ManifestScan(job.repository, job.digest, False, page.at, page.answered)]
        except RegistryError as error:
            log.info("manifest given up", registry=self._client.name, problem=error.problem)
            await write_contents(self._db, [refused(job.digest, "not_found")])
        await self._finish([job], scans)
