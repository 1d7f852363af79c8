"""Runs the backfills that were asked for, and goes on with those that another indexer has left.

One run a registry at once, all registries side by side. A run that is asked for while one is open is that one.
"""

import asyncio
import uuid
from collections.abc import Iterable, Mapping

import asyncpg
import structlog

from indexer.backfill.run import LEASE_SECONDS, Ending, FullRead
from indexer.registry.client import RegistryClient
from indexer.wakeups import BACKFILL, Wakeups
from regdex.database import DRIVER_ERRORS, Pool, outage_logged
from regdex.settings import Registry
from regdex.store.queues import backfills

log = structlog.get_logger()


class BackfillRunner:
    """For the `registries` of this process, by their `clients`."""

    def __init__(
        self, db: Pool, clients: Mapping[str, RegistryClient], registries: Iterable[Registry], wakeups: Wakeups
    ) -> None:
        self._db = db
        self._clients = clients
        self._registries = {registry.name: registry for registry in registries if registry.name in clients}
        self._wakeups = wakeups
        self._running: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Claim and run until cancelled; then what is running is left to be gone on with."""
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
        """Take a run, if there is one for a registry that has none here."""
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
        read = FullRead(self._db, self._clients[name], self._registries[name], claimed)
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
            # The lease runs out, and whoever can reach the database then goes on.
            log.warning("backfill interrupted", registry=name, run=run_id, error=repr(errors.exceptions[0]))
        except* Exception:
            log.exception("backfill failed", registry=name, run=run_id)
            await read.finish(Ending("failed", "an error of Regdex itself; its log says more"))
        else:
            if ending is not None:
                log.info("backfill ended", registry=name, run=run_id, state=ending.state, reason=ending.message)
