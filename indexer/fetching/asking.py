"""Answers questions about single tags and manifests: requests each from its registry and records the answer."""

import asyncio
from datetime import timedelta

from indexer.fetching.heads import ask_head
from indexer.recording.current import QUESTION_DELAY
from indexer.recording.evidence import weigh_answer
from indexer.recording.recorder import ManifestScan, TagScan, record_scans
from indexer.registry.client import BLOCKED, PASSING, Missing, RegistryClient
from regdex import telemetry
from regdex.database import Connection, Pool
from regdex.digest import Digest, is_digest
from regdex.errors import RegistryError
from regdex.store.catalog import gaps, names
from regdex.store.queues import questions
from regdex.store.queues.questions import Question

LEASE = timedelta(minutes=5)
GIVE_UP_ATTEMPTS = 6
MAX_PAUSE_SECONDS = 3600
NOT_READ = 'the settings say read = "events": no request is sent'


class Asker:
    """Answers the questions of one registry, as many at a time as the registry's concurrency allows."""

    def __init__(self, db: Pool, registry_id: int, client: RegistryClient) -> None:
        self._db = db
        self._registry_id = registry_id
        self._client = client

    async def step(self) -> bool:
        """Answer questions that are due; return False when there were fewer than the limit, or none may be sent."""
        if self._client.wait_seconds() > 0:
            return False
        limit = self._client.concurrency
        due = await questions.claim_questions(self._db, self._registry_id, limit=limit, lease=LEASE)
        async with asyncio.TaskGroup() as group:
            for question in due:
                group.create_task(self._ask(question))
        return len(due) == limit

    async def _ask(self, question: Question) -> None:
        """Request the tag or manifest, and record the answer.

        After a passing problem, or fewer than six attempts, it is asked again later. Otherwise it is given up.
        """
        scans: list[TagScan | ManifestScan] = []
        problem = NOT_READ
        try:
            if question.read_mode != "events":
                by_head = question.read_mode == "head"
                scans.append(await scan(self._client, question.repository, question.reference, by_head=by_head))
        except RegistryError as error:
            telemetry.FETCH_ERRORS.labels(self._client.name, error.problem).inc()
            if error.problem in PASSING or question.attempts < GIVE_UP_ATTEMPTS:
                await questions.postpone(self._db, question, pause_after(error, question.attempts))
                return
            problem = f"{question.reference}: {error}"
        async with self._db.acquire() as conn, conn.transaction():
            await names.lock_repositories(
                conn, [question.repository_id]
            )  # before the question is locked, in the order of recording
            if scans:
                await questions.settle(conn, question, delay=QUESTION_DELAY)
                await weigh_answer(conn, self._registry_id, question, scans[0])
                await record_scans(conn, self._registry_id, scans)
            else:
                await give_up(conn, self._registry_id, question, reason="unanswered", problem=problem)


async def give_up(conn: Connection, registry_id: int, question: Question, *, reason: str, problem: str) -> None:
    """Settle a question without an answer: open a gap in its repository, which a full read of it closes."""
    await questions.settle(conn, question, delay=QUESTION_DELAY)
    await gaps.open_gap(
        conn,
        [registry_id],
        gaps.READABLE,
        reason=reason,
        since=question.asked_at,
        repository_id=question.repository_id,
        detail=problem,
    )


async def scan(
    client: RegistryClient, repository: str, reference: str, *, by_head: bool = False
) -> TagScan | ManifestScan:
    """Request `reference`; return which digest a tag points to, or whether the manifest of a digest is there."""
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


def pause_after(error: RegistryError, attempts: int) -> timedelta:
    """Return how long to wait after the failure number `attempts`, at least as long as the registry asked to wait."""
    return timedelta(seconds=max(error.retry_after_seconds, retry_seconds(error.problem, attempts)))


def retry_seconds(problem: str, attempts: int) -> float:
    """Return the pause after the failure number `attempts`; each is longer than the one before, up to an hour.

    After a 404 the first pause is 0.2 s, because a manifest may be announced a moment before it can be read; after a
    problem of the settings 60 s; after any other 2 s.
    """
    first, factor = {"not_found": (0.2, 4)}.get(problem, (60, 2) if problem in BLOCKED else (2, 2))
    return min(first * float(factor) ** (attempts - 1), MAX_PAUSE_SECONDS)
