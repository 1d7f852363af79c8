"""Asks a registry again for what the catalog says of it, at random: tags, manifests, and tags that are gone.

A difference is mended: the answer is recorded as a scan, the repository is read again, and until then it is a gap.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from indexer.fetching.asking import scan
from indexer.recording.current import QUESTION_DELAY
from indexer.recording.recorder import ManifestScan, TagScan, record_scans
from indexer.registry.client import RegistryClient
from regdex import telemetry
from regdex.database import Pool
from regdex.digest import Digest
from regdex.errors import RegistryError
from regdex.store.catalog import audits, gaps
from regdex.store.catalog.audits import Believed
from regdex.store.queues import questions
from regdex.store.queues.questions import EVERYTHING

NIGHTLY_SAMPLE = 200


@dataclass(frozen=True, slots=True)
class Difference:
    """What the catalog said of a tag or a manifest, and what the registry answered; None: it is not there.

    The difference is no older than `seen_at`. `is_declared`: an answer about it was not complete, and said so.
    """

    repository: str
    reference: str
    believed: Digest | None
    found: Digest | None
    seen_at: datetime
    is_declared: bool


@dataclass(slots=True)
class Audit:
    """What came of one. `unanswered` counts, by problem, what the registry did not answer."""

    asked: int = 0
    differences: list[Difference] = field(default_factory=list)
    unanswered: Counter[str] = field(default_factory=Counter)

    @property
    def undeclared(self) -> list[Difference]:
        """Differences about which an answer was said to be complete."""
        return [difference for difference in self.differences if not difference.is_declared]


async def audit_registry(
    db: Pool,
    client: RegistryClient,
    registry_id: int,
    *,
    sample: int | None,
    patience_seconds: float = QUESTION_DELAY.total_seconds(),
) -> Audit:
    """Ask about `sample` tags and manifests, or (None) all; half are tags, a fifth tags that are gone.

    A registry that is not read in full is asked by HEAD alone.

    What differs is asked again after `patience_seconds`: an event about it may have been on its way.
    """
    audit = Audit()
    by_head = await audits.is_asked_by_head(db, registry_id)
    believed = await audits.sample_tags(db, registry_id, limit=_share(sample, 5))
    believed += await audits.sample_manifests(db, registry_id, limit=_share(sample, 3))
    believed += await audits.sample_absent_tags(db, registry_id, limit=_share(sample, 2))
    suspects = await _ask_all(client, believed, audit, by_head=by_head)
    if suspects:
        await asyncio.sleep(patience_seconds)
        audit.asked -= len(suspects)
        for one, answer in await _ask_all(client, [one for one, _ in suspects], audit, by_head=by_head):
            if await _mend(db, registry_id, one, answer):
                audit.differences.append(
                    Difference(one.repository, one.reference, one.digest, _found(answer), one.seen_at, one.is_declared)
                )
    telemetry.AUDIT_DIFFERENCES.labels(client.name).inc(len(audit.undeclared))
    async with db.acquire() as conn:
        await audits.note_audit(conn, registry_id, sampled=audit.asked, differed=len(audit.differences))
    return audit


def _share(sample: int | None, tenths: int) -> int | None:
    return None if sample is None else -(-sample * tenths // 10)


async def _ask_all(
    client: RegistryClient, believed: Sequence[Believed], audit: Audit, *, by_head: bool
) -> list[tuple[Believed, TagScan | ManifestScan]]:
    """What the registry answers otherwise than it is believed, with its answer."""
    waiting = iter(believed)
    differing: list[tuple[Believed, TagScan | ManifestScan]] = []

    async def ask_each() -> None:
        for one in waiting:
            try:
                answer = await scan(client, one.repository, one.reference, by_head=by_head)
            except RegistryError as error:
                audit.unanswered[error.problem] += 1
                continue
            audit.asked += 1
            if _found(answer) != one.digest:
                differing.append((one, answer))

    async with asyncio.TaskGroup() as group:
        for _ in range(client.concurrency):
            group.create_task(ask_each())
    return differing


def _found(answer: TagScan | ManifestScan) -> Digest | None:
    if isinstance(answer, TagScan):
        return answer.digest
    return answer.digest if answer.present else None


async def _mend(db: Pool, registry_id: int, believed: Believed, answer: TagScan | ManifestScan) -> bool:
    """Record the answer; False when the catalog no longer says what was believed when it was asked."""
    async with db.acquire() as conn, conn.transaction():
        if await audits.read_believed(conn, believed.repository_id, believed.reference) != believed.digest:
            return False
        await record_scans(conn, registry_id, [answer])
        await gaps.open_gap(
            conn,
            [registry_id],
            gaps.READABLE,
            reason="audit_difference",
            since=believed.seen_at,
            repository_id=believed.repository_id,
            detail=believed.reference,
        )
        await questions.raise_questions(conn, [(believed.repository_id, EVERYTHING)], delay=QUESTION_DELAY)
    return True
