"""Runs backfills that were requested, continues those of indexers that ended, and reads single repositories again.

Each registry has at most one run at a time; registries are read in parallel. Requesting a run while one is open returns
the open one.
"""

import asyncio
import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime

import asyncpg
import structlog

from indexer.backfill.again import Again
from indexer.backfill.ending import Ending
from indexer.backfill.run import LEASE_SECONDS, FullRead
from indexer.registry.client import RegistryClient
from indexer.wakeups import BACKFILL, POLL_SECONDS, Wakeups
from regdex.database import DRIVER_ERRORS, Pool, end_if_cancelled, outage_logged
from regdex.settings import Cadence, Registry
from regdex.store.catalog import registration
from regdex.store.queues import backfills

log = structlog.get_logger()


class BackfillRunner:
    """Runs the backfills of `registries` that have a client. `left_seconds` is the cadence of full reads."""

    def __init__(
        self,
        db: Pool,
        clients: Mapping[str, RegistryClient],
        registries: Iterable[Registry],
        wakeups: Wakeups,
        *,
        left_seconds: float = Cadence().reconcile_seconds,
    ) -> None:
        self._db = db
        self._clients = clients
        self._registries = {registry.name: registry for registry in registries if registry.name in clients}
        self._wakeups = wakeups
        self._left_seconds = left_seconds
        self._running: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Claim and run until cancelled; then release the open runs for another indexer."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._run_backfills())
            group.create_task(self._note_limits())
            for name, registry in self._registries.items():
                group.create_task(self._read_again(Again(self._db, self._clients[name], registry)))

    async def _run_backfills(self) -> None:
        try:
            while True:
                claimed = False
                with outage_logged("backfills interrupted"):
                    claimed = await self._claim()
                if not claimed:
                    await self._wakeups.wait(BACKFILL)
        finally:
            tasks = list(self._running.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _claim(self) -> bool:
        """Claim and start a run of a registry that is not being read here; return False if there is none."""
        idle = [name for name in self._registries if name not in self._running]
        row = await backfills.claim_backfill(self._db, idle, lease=uuid.uuid4(), lease_seconds=LEASE_SECONDS)
        if row is None:
            return False
        name = row["registry"]
        task = asyncio.create_task(self._run(name, row))
        self._running[name] = task
        task.add_done_callback(lambda _: self._running.pop(name, None))
        return True

    async def _run(self, name: str, claimed: asyncpg.Record) -> None:
        read = FullRead(self._db, self._clients[name], self._registries[name], claimed, left_seconds=self._left_seconds)
        log.info("backfill begun", registry=name, run=claimed["id"])
        try:
            await self._read(read, name, claimed["id"])
        except asyncio.CancelledError:
            await read.release()
            raise

    async def _read(self, read: FullRead, name: str, run_id: int) -> None:
        try:
            ending = await read.run()
        except* DRIVER_ERRORS as errors:
            # The lease expires; then an indexer that can reach the database continues the run.
            log.warning("backfill interrupted", registry=name, run=run_id, error=repr(errors.exceptions[0]))
        except* Exception:
            log.exception("backfill failed", registry=name, run=run_id)
            await read.finish(Ending("failed", "an error of Regdex itself; see its log"))
        else:
            if ending is not None:
                log.info("backfill ended", registry=name, run=run_id, state=ending.state, reason=ending.message)

    async def _read_again(self, again: Again) -> None:
        """Answer the questions about whole repositories of one registry, until cancelled."""
        while True:
            found = False
            try:
                found = await again.step()
            except Exception as error:  # its lease expires, and it is tried again
                end_if_cancelled()
                log.warning("reading a repository again failed", error=type(error).__name__, exc_info=True)
            if not found:
                await asyncio.sleep(POLL_SECONDS)

    async def _note_limits(self) -> None:
        """Store until when each registry refuses requests (429), for GetRegistry."""
        noted: dict[str, datetime | None] = {}
        while True:
            with outage_logged("limits not noted"):
                for name, client in self._clients.items():
                    until = client.rate_limited_until
                    if until != noted.get(name):
                        await registration.note_limit(self._db, name, until)
                        noted[name] = until
            await asyncio.sleep(POLL_SECONDS)
