"""Claims deliveries from the inbox, decodes them, and records their events.

Events are recorded in the transaction that removes their delivery from the inbox, and the removal succeeds only while
the claim is valid: each delivery is recorded once, whichever process ends at whatever moment. A batch that fails is
retried delivery by delivery, so that a bad one does not affect others. A delivery that fails, or ends the process,
three times becomes a dead letter.
"""

import asyncio
import random
from collections.abc import Sequence
from typing import Any

import structlog

from indexer.counting.pulls import RETENTION_DAYS
from indexer.recording.decoding import Claim, Senders
from indexer.recording.settlement import Fenced, Settlement, grouped
from indexer.wakeups import INBOX, Wakeups
from regdex import telemetry
from regdex.database import Pool, end_if_cancelled, is_away, is_in_trouble
from regdex.store.queues import dead_letters, inbox

log = structlog.get_logger()

MAX_AT_ONCE = 500
MAX_BYTES_AT_ONCE = 16 * 1024 * 1024
LEASE_SECONDS = 15.0
ATTEMPTS = 3
BACKOFF_SECONDS = (1.0, 10.0)
TRIED_AT_ONCE = 20
AWAY_SECONDS = 1.0
STOP_SECONDS = 15.0


class Worker:
    """Records deliveries from the inbox; any number of workers may run, in any number of processes."""

    def __init__(
        self,
        db: Pool,
        wakeups: Wakeups,
        *,
        retention_days: int = RETENTION_DAYS,
        lease_seconds: float = LEASE_SECONDS,
        backoff_seconds: Sequence[float] = BACKOFF_SECONDS,
        max_at_once: int = MAX_AT_ONCE,
    ) -> None:
        self._db = db
        self._wakeups = wakeups
        self._lease_seconds = lease_seconds
        self._backoff_seconds = backoff_seconds
        self._max_at_once = max_at_once
        self._senders = Senders(db)
        self._settlement = Settlement(db, retention_days)
        # Claims held when the database became unavailable; the key is whether their attempt is to be refunded.
        self._interrupted: dict[bool, list[Claim]] = {True: [], False: []}

    async def run(self) -> None:
        """Record until cancelled; on cancellation, finish the batch that is being recorded."""
        while True:
            step = asyncio.ensure_future(self.step())
            try:
                if not await asyncio.shield(step):
                    await self._wakeups.wait(INBOX)
            except asyncio.CancelledError:
                _, unfinished = await asyncio.wait([step], timeout=STOP_SECONDS)
                if unfinished:
                    step.cancel()
                raise
            except Exception as error:  # whatever the error is, the deliveries are still in the inbox
                end_if_cancelled()
                away = is_away(error)
                log.warning("worker interrupted", error=type(error).__name__, exc_info=not away)
                await asyncio.sleep(random.uniform(0.5, 1.0) * AWAY_SECONDS)  # noqa: S311 - jitter

    async def step(self) -> bool:
        """Record one batch of new deliveries and a few retries. Returns False if none was due."""
        await self._release_interrupted()
        rows = await inbox.claim_deliveries(
            self._db, limit=self._max_at_once, max_bytes=MAX_BYTES_AT_ONCE, lease_seconds=self._lease_seconds
        )
        await self._record(rows)
        for tried in range(TRIED_AT_ONCE):
            row = await inbox.claim_suspect(self._db, lease_seconds=self._lease_seconds)
            if row is None:
                return bool(rows) or tried > 0
            if row["attempts"] > ATTEMPTS:  # not decoded again, because decoding it may be what ended the process
                reason = f"the indexer ended {ATTEMPTS} times while recording it"
                await self._bury(row["id"], row["attempts"], self._senders.name_of(row["registry_id"]), reason)
            else:
                await self._record([row])
        return True

    async def _record(self, rows: Sequence[Any]) -> None:
        groups = list(grouped(await self._senders.decode(rows)))
        for position, group in enumerate(groups):
            try:
                await self._settle(group)
            except Exception as error:
                left = self._interrupted[is_in_trouble(error)]
                left.extend(claim for later in groups[position:] for claim in later)
                raise

    async def _settle(self, group: list[Claim]) -> None:
        """Record a group. If it fails, its deliveries are released to be tried one by one, and single ones later."""
        try:
            await self._settlement.settle(group)
        except Fenced:
            log.warning("claims had run out", count=len(group))
        except Exception as error:
            if is_away(error):
                raise
            log.warning("recording failed", error=type(error).__name__, count=len(group), exc_info=True)
            if len(group) > 1:
                await self._release(group, delay_seconds=0)
            elif (attempts := group[0].attempts) < ATTEMPTS:
                await self._release(group, delay_seconds=self._backoff(attempts))
            else:
                reason = f"recording failed {ATTEMPTS} times, last with {type(error).__name__}"
                await self._bury(group[0].id, attempts, group[0].registry, reason)

    async def _release(self, claims: Sequence[Claim], *, delay_seconds: float, refund: bool = False) -> None:
        await inbox.release_deliveries(
            self._db,
            [claim.id for claim in claims],
            [claim.attempts for claim in claims],
            delay_seconds=delay_seconds,
            refund=refund,
        )

    async def _release_interrupted(self) -> None:
        for refund, claims in self._interrupted.items():
            if claims:
                await self._release(claims, delay_seconds=0, refund=refund)
                claims.clear()

    async def _bury(self, delivery: int, attempts: int, registry: str, reason: str) -> None:
        log.error("delivery is a dead letter", delivery=delivery, registry=registry, reason=reason)
        if await dead_letters.bury_deliveries(self._db, [delivery], [attempts], [reason]):
            telemetry.DEAD_LETTERS.labels(registry).inc()

    def _backoff(self, attempts: int) -> float:
        longest = self._backoff_seconds[min(attempts, len(self._backoff_seconds)) - 1]
        return random.uniform(0.5, 1.0) * longest  # noqa: S311 - jitter
