"""The group commit: deliveries that arrive during an INSERT are written together by the next one.

No timer delays an INSERT, so a single delivery costs one INSERT and a thousand concurrent ones cost a few. The queue in
memory is bounded in number and bytes, the inbox in number, and the wait of each delivery in time.
"""

import asyncio
import time
from collections import deque
from dataclasses import dataclass

from regdex import telemetry
from regdex.database import DRIVER_ERRORS, Pool, end_if_cancelled, outage_logged
from regdex.errors import Exhausted, Unavailable
from regdex.store.catalog import registration
from regdex.store.queues import inbox
from regdex.times import wait_until_set

# Distribution times out after a second and sends the delivery again.
DEADLINE_SECONDS = 0.9
STORE_SECONDS = 5.0
SWEEP_SECONDS = 0.05
MEASURE_SECONDS = 1.0
# The maximum share of time for counting the inbox.
MEASURE_SHARE = 0.02


@dataclass(slots=True)
class _Waiting:
    registry_id: int
    headers: str
    body: bytes
    deadline: float
    stored: "asyncio.Future[None]"


class Intake:
    """Commits deliveries to the inbox. `run` writes them; `store` returns when its delivery is committed."""

    def __init__(
        self,
        db: Pool,
        *,
        max_waiting: int,
        writers: int = 2,
        max_queued: int = 10_000,
        max_queued_bytes: int = 64 * 1024 * 1024,
        max_at_once: int = 500,
        max_bytes_at_once: int = 8 * 1024 * 1024,
        deadline_seconds: float = DEADLINE_SECONDS,
    ) -> None:
        self._db = db
        self._max_waiting = max_waiting
        self._writers = writers
        self._max_queued = max_queued
        self._max_queued_bytes = max_queued_bytes
        self._max_at_once = max_at_once
        self._max_bytes_at_once = max_bytes_at_once
        self._deadline_seconds = deadline_seconds
        self._queue: deque[_Waiting] = deque()
        self._queued_bytes = 0
        self._unanswered: deque[_Waiting] = deque()
        self._sweeping = False
        self._wake = asyncio.Event()
        self._inbox_waiting = 0
        self._stored = 0
        self._measure_now = asyncio.Event()
        self._refused: set[int] = set()

    def note_refused(self, registry_id: int) -> None:
        """Note that a delivery was refused because of its secret; the next measurement stores it, once per registry."""
        self._refused.add(registry_id)

    async def store(self, registry_id: int, headers: str, body: bytes) -> None:
        """Commit one delivery; `headers` is a JSON object.

        Raises Exhausted when the queue or the inbox is full, and Unavailable when PostgreSQL cannot commit in time. The
        delivery may still be committed a moment later; repeating it does no harm.
        """
        if self._inbox_waiting >= self._max_waiting:
            self._measure_now.set()
            raise Exhausted("too many deliveries wait in the inbox")
        if len(self._queue) >= self._max_queued or self._queued_bytes + len(body) > self._max_queued_bytes:
            raise Exhausted("too many deliveries wait to be written")
        loop = asyncio.get_running_loop()
        waiting = _Waiting(registry_id, headers, body, loop.time() + self._deadline_seconds, loop.create_future())
        self._queue.append(waiting)
        self._queued_bytes += len(body)
        self._unanswered.append(waiting)
        if not self._sweeping:
            self._sweeping = True
            loop.call_later(SWEEP_SECONDS, self._sweep)
        self._wake.set()
        await waiting.stored

    async def run(self) -> None:
        """Write until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._writers):
                group.create_task(self._write())
            group.create_task(self._measure())

    async def _write(self) -> None:
        while True:
            while not self._queue:
                self._wake.clear()
                await self._wake.wait()
            batch = self._take()
            if not batch:
                continue
            stored = False
            try:
                with outage_logged("deliveries not stored", count=len(batch)):
                    await self._insert(batch)
                    stored = True
            finally:
                self._answer(batch, stored)

    def _take(self) -> list[_Waiting]:
        """Take the next group from the queue, oldest first, without deliveries that have timed out."""
        batch: list[_Waiting] = []
        size = 0
        while self._queue and len(batch) < self._max_at_once:
            waiting = self._queue[0]
            if batch and size + len(waiting.body) > self._max_bytes_at_once:
                break
            self._queue.popleft()
            self._queued_bytes -= len(waiting.body)
            if not waiting.stored.done():
                size += len(waiting.body)
                batch.append(waiting)
        return batch

    async def _insert(self, batch: list[_Waiting]) -> None:
        async with asyncio.timeout(STORE_SECONDS), self._db.acquire(timeout=STORE_SECONDS) as connection:
            await inbox.store_deliveries(
                connection,
                [waiting.registry_id for waiting in batch],
                [waiting.headers for waiting in batch],
                [waiting.body for waiting in batch],
            )
        self._inbox_waiting += len(batch)
        self._stored += len(batch)

    def _answer(self, batch: list[_Waiting], stored: bool) -> None:
        for waiting in batch:
            if waiting.stored.done():
                continue
            if stored:
                waiting.stored.set_result(None)
            else:
                waiting.stored.set_exception(Unavailable("PostgreSQL cannot store the delivery now"))
        while self._unanswered and self._unanswered[0].stored.done():
            self._unanswered.popleft()

    def _sweep(self) -> None:
        """Fail the deliveries whose deadline has passed, also while the database does not answer."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        while self._unanswered:
            waiting = self._unanswered[0]
            if not waiting.stored.done():
                if waiting.deadline > now:
                    break
                waiting.stored.set_exception(Unavailable("PostgreSQL did not store the delivery in time"))
            self._unanswered.popleft()
        self._sweeping = bool(self._unanswered)
        if self._sweeping:
            loop.call_later(SWEEP_SECONDS, self._sweep)

    async def _measure(self) -> None:
        """Count the inbox every second, more rarely when counting is slow; estimate its size in between."""
        while True:
            began, stored = time.monotonic(), self._stored
            try:
                async with asyncio.timeout(STORE_SECONDS), self._db.acquire(timeout=STORE_SECONDS) as connection:
                    found = await inbox.measure_inbox(connection, limit=self._max_waiting)
                    if refused := list(self._refused):
                        await registration.note_refused(connection, refused)
                        self._refused.difference_update(refused)
            except DRIVER_ERRORS:
                end_if_cancelled()  # the writers get the same error and log it
            else:
                self._inbox_waiting = found["waiting"] + self._stored - stored
                telemetry.INBOX_WAITING.set(found["waiting"])
                telemetry.INBOX_AGE.set(found["age_seconds"])
            took = time.monotonic() - began
            self._measure_now.clear()
            await asyncio.sleep(max(SWEEP_SECONDS, took))
            await wait_until_set(self._measure_now, max(MEASURE_SECONDS, took / MEASURE_SHARE))
