"""Reads a single repository in full, as a run does, after an event that did not say what changed in it."""

import asyncio
from datetime import datetime, timedelta

from indexer.backfill.page import NOT_THERE
from indexer.backfill.repository import RepositoryRead, RepositoryReader
from indexer.backfill.scanner import Scanner
from indexer.backfill.selection import Selection
from indexer.backfill.sweep import Sweep, refusal
from indexer.fetching.asking import GIVE_UP_ATTEMPTS, NOT_READ, give_up, pause_after
from indexer.kinds import kind_of, options_of, read_mode_of
from indexer.recording.current import QUESTION_DELAY
from indexer.registry.client import PASSING, RegistryClient
from regdex.database import Pool, outage_logged
from regdex.errors import RegistryError
from regdex.settings import Registry
from regdex.store.catalog import gaps, registries
from regdex.store.queues import questions, sweeps
from regdex.store.queues.backfills import Progress
from regdex.store.queues.questions import Question
from regdex.store.queues.sweeps import MissingTag

LEASE = timedelta(minutes=2)


class Again:
    """Answers the questions about whole repositories of one registry, one at a time, by reading the repository."""

    def __init__(self, db: Pool, client: RegistryClient, registry: Registry) -> None:
        self._db = db
        self._client = client
        self._registry = registry
        self._selection = Selection(registry.include, registry.exclude)
        self._registry_id = 0

    async def step(self) -> bool:
        """Read a repository whose question is due; return False when there is none, or no request may be sent now."""
        if self._client.wait_seconds() > 0:
            return False
        self._registry_id = self._registry_id or await registries.get_id(self._db, self._registry.name) or 0
        question = await questions.claim_repository(self._db, self._registry_id, lease=LEASE)
        if question is None:
            return False
        if question.read_mode == "events":
            await self._give_up(question, "unanswered", NOT_READ)
        elif not self._selection.wants(question.repository):
            await self._give_up(question, "unanswered", "the settings leave this repository out")
        else:
            keeping = asyncio.create_task(self._keep_lease(question))
            try:
                await self._answer(question)
            finally:
                keeping.cancel()
                await asyncio.gather(keeping, return_exceptions=True)
        return True

    async def _keep_lease(self, question: Question) -> None:
        while True:
            await asyncio.sleep(LEASE.total_seconds() / 4)
            with outage_logged("a repository's lease was not renewed"):
                await questions.postpone(self._db, question, LEASE)

    async def _answer(self, question: Question) -> None:
        progress = Progress()
        heads_only = read_mode_of(self._registry) != "full"
        scanner = Scanner(
            self._db, self._client, self._registry_id, progress, run_id=0, is_deep=True, heads_only=heads_only
        )
        source = kind_of(self._registry.kind).source(self._client, options_of(self._registry))
        reader = RepositoryReader(
            self._db,
            source,
            scanner,
            progress,
            registry=self._registry.name,
            concurrency=self._registry.concurrency,
            is_reconcile=False,
        )
        read = await reader.read(question.repository, question.repository_id)
        await scanner.flush()
        if not read.is_listed and read.missing:
            read.problems.append((read.name, NOT_THERE))
        if not read.problems and (reason := await self._refusal(read)):
            async with self._db.acquire() as conn, conn.transaction():
                await questions.settle(conn, question, delay=QUESTION_DELAY)
                await gaps.open_blocked_sweep(
                    conn, self._registry_id, detail=reason, repository_id=question.repository_id
                )
            return
        if not read.problems:
            await self._sweep(scanner, progress, read, question.claimed_at)
        if read.problems:
            await self._fail(question, read)
            return
        async with scanner.recorded() as recorded:
            await questions.settle(recorded, question, delay=QUESTION_DELAY)
            await gaps.close_repository_gaps(recorded, question.repository_id, read_at=question.claimed_at)

    async def _refusal(self, read: RepositoryRead) -> str:
        """Return why the guard of full reads refuses to sweep this repository; empty if it does not."""
        judged = await sweeps.judge_repository(self._db, self._registry_id, len(read.missing))
        return refusal(judged, catalog_is_empty=False)

    async def _sweep(self, scanner: Scanner, progress: Progress, read: RepositoryRead, began: datetime) -> None:
        async def fail(_: int, repository: str, error: RegistryError) -> None:
            read.problems.append((repository, error))

        sweep = Sweep(scanner, progress, fail)
        missing = [MissingTag(read.repository_id, read.name, tag) for tag in read.missing]
        for start in range(0, len(missing), sweep.BATCH):
            await sweep.ask_tags(missing[start : start + sweep.BATCH])
            await scanner.flush()
            await asyncio.sleep(0)
        await sweep.ask_untagged(self._db, [read.repository_id], seen_before=began, with_children=True)

    async def _fail(self, question: Question, read: RepositoryRead) -> None:
        """Postpone the question after a passing problem, up to six attempts; otherwise give it up."""
        _, error = read.problems[0]
        if error.problem in PASSING and question.attempts < GIVE_UP_ATTEMPTS:
            await questions.postpone(self._db, question, pause_after(error, question.attempts))
            return
        await self._give_up(question, "unreadable", read.problem or "")

    async def _give_up(self, question: Question, reason: str, problem: str) -> None:
        async with self._db.acquire() as conn, conn.transaction():
            await give_up(conn, self._registry_id, question, reason=reason, problem=problem)
