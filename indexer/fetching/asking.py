"""Asks a registry the questions that wait: where a tag points now, whether a manifest is there."""

import asyncio
from datetime import timedelta

from indexer.fetching.heads import ask_head
from indexer.recording.current import QUESTION_DELAY
from indexer.recording.evidence import weigh_answer
from indexer.recording.recorder import ManifestScan, TagScan, record_scans
from indexer.registry.client import BLOCKED, TRANSIENT, Missing, RegistryClient
from regdex import telemetry
from regdex.database import Pool
from regdex.digest import Digest, is_digest
from regdex.errors import RegistryError
from regdex.store.catalog import gaps, names
from regdex.store.queues import questions
from regdex.store.queues.questions import Question

LEASE = timedelta(minutes=5)
GIVE_UP_ATTEMPTS = 6
MAX_PAUSE_SECONDS = 3600
NOT_READ = 'the settings say read = "events": nothing is asked'


class Asker:
    """Works off the questions of one registry."""

    def __init__(self, db: Pool, registry_id: int, client: RegistryClient) -> None:
        self._db = db
        self._registry_id = registry_id
        self._client = client

    async def step(self) -> bool:
        """Ask what is due; False when that was less than could be asked."""
        if self._client.wait_seconds() > 0:
            return False
        limit = self._client.concurrency
        due = await questions.claim_questions(self._db, self._registry_id, limit=limit, lease=LEASE)
        async with asyncio.TaskGroup() as group:
            for question in due:
                group.create_task(self._ask(question))
        return len(due) == limit

    async def _ask(self, question: Question) -> None:
        """Record the answer. A question that is given up leaves a gap in its repository until that is read again."""
        scans: list[TagScan | ManifestScan] = []
        problem = NOT_READ
        try:
            if question.read_mode != "events":
                by_head = question.read_mode == "head"
                scans.append(await scan(self._client, question.repository, question.reference, by_head=by_head))
        except RegistryError as error:
            telemetry.FETCH_ERRORS.labels(self._client.name, error.problem).inc()
            if error.problem in TRANSIENT | BLOCKED or question.attempts < GIVE_UP_ATTEMPTS:
                seconds = max(error.retry_after_seconds, retry_seconds(error.problem, question.attempts))
                await questions.postpone(self._db, question, timedelta(seconds=seconds))
                return
            problem = f"{question.reference}: {error}"
        async with self._db.acquire() as conn, conn.transaction():
            await names.lock_repositories(conn, [question.repository_id])  # before the question, as recording does
            await questions.settle(conn, question, delay=QUESTION_DELAY)
            if scans:
                await weigh_answer(conn, self._registry_id, question, scans[0])
                await record_scans(conn, self._registry_id, scans)
            else:
                await gaps.open_gap(
                    conn,
                    [self._registry_id],
                    gaps.READABLE,
                    reason="unanswered",
                    since=question.asked_at,
                    repository_id=question.repository_id,
                    detail=problem,
                )


async def scan(
    client: RegistryClient, repository: str, reference: str, *, by_head: bool = False
) -> TagScan | ManifestScan:
    """What `reference` points to now, or whether the manifest is there, where it is a digest."""
    digest = Digest.parse(reference) if is_digest(reference) else None
    answer = await (
        ask_head(client, repository, reference)
        if by_head
        else client.resolve(repository, reference, () if digest is None else (digest,))
    )
    if digest is not None:
        return ManifestScan(repository, digest, not isinstance(answer, Missing), answer.at, answer.answered)
    named = None if isinstance(answer, Missing) else answer.digest
    return TagScan(repository, reference, named, answer.at, answer.answered)


def retry_seconds(problem: str, attempts: int) -> float:
    """A manifest may be announced a moment before it can be read; other trouble lasts longer."""
    first, factor = {"not_found": (0.2, 4)}.get(problem, (60, 2) if problem in BLOCKED else (2, 2))
    return min(first * float(factor) ** (attempts - 1), MAX_PAUSE_SECONDS)
