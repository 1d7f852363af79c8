"""The indexer as one process: receiver, worker, fetcher, backfill, publisher, counting, schedule, in one event loop."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import structlog

from indexer.backfill.runner import BackfillRunner
from indexer.counting.rederiving import keep_counted
from indexer.fetching.fetcher import Fetcher
from indexer.jobs import periodic_jobs
from indexer.kinds import client_of
from indexer.publisher import Publisher
from indexer.receiving.endpoints import endpoints
from indexer.receiving.intake import Intake
from indexer.receiving.receiver import Receiver, ReceiverServer
from indexer.recording.worker import Worker
from indexer.registration import register
from indexer.schedule import run_schedule
from indexer.wakeups import Wakeups
from regdex import settings as configuration
from regdex.database import Pool, outage_logged
from regdex.search import SearchWriter
from regdex.settings import Settings
from regdex.store.catalog import gaps, registries
from regdex.store.queues import schedule

log = structlog.get_logger()

BEAT_SECONDS = 2.0
# A run without a heartbeat for this long was killed.
SILENT_SECONDS = 15


@asynccontextmanager
async def indexing(settings: Settings, db: Pool, writer: SearchWriter) -> AsyncIterator[ReceiverServer]:
    """Run the indexer within the context, after writing the registries of the settings to the catalog.

    On exit the receiver stops first, then the other parts. An error that a part cannot handle ends the context and is
    raised.
    """
    for registry in settings.registries:
        configuration.read_or_make_secret(settings.webhook_secret_path(registry))
    async with db.acquire() as connection, connection.transaction():
        registry_ids = await register(connection, settings.registries)

    async with AsyncExitStack() as stack:
        active = [registry for registry in settings.registries if not registry.paused]
        clients = {registry.name: await stack.enter_async_context(client_of(registry)) for registry in active}
        wakeups = Wakeups(db)
        intake = Intake(db, max_waiting=settings.webhooks.max_waiting)
        receiver = Receiver(intake, endpoints(settings, registry_ids), max_body_bytes=settings.webhooks.max_body_bytes)
        host, port = configuration.split_address(settings.webhooks.listen)
        server = ReceiverServer(receiver, host=host, port=port, max_body_bytes=settings.webhooks.max_body_bytes)
        stop_schedule = asyncio.Event()
        run_id = await schedule.start_run(db)

        parts: dict[str, Coroutine[Any, Any, None]] = {
            "intake": intake.run(),
            "wake-ups": wakeups.run(),
            "worker": Worker(db, wakeups, retention_days=settings.retention.pull_days).run(),
            "fetcher": Fetcher(db, clients, wakeups).run(),
            "backfill": BackfillRunner(
                db, clients, active, wakeups, left_seconds=settings.cadence.reconcile_seconds
            ).run(),
            "publisher": Publisher(db, writer, wakeups).run(),
            "counting": keep_counted(db),
            "schedule": run_schedule(db, periodic_jobs(db, settings, clients), stop_schedule),
            "heartbeat": _beat(db, run_id),
        }
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(part, name=name) for name, part in parts.items()]
            await server.start()
            try:
                yield server
            finally:
                await server.stop()
                stop_schedule.set()
                for task in tasks:
                    task.cancel()
        await schedule.stop_run(db, run_id)


async def _beat(db: Pool, run_id: int) -> None:
    """Store the heartbeat of this run, and open gaps for runs that were killed."""
    while True:
        with outage_logged("heartbeat missed"):
            await schedule.beat(db, run_id)
            last = await schedule.close_dead_runs(db, silent_seconds=SILENT_SECONDS)
            if last is not None:
                log.warning("an indexer was killed: events may be missing until the next reconcile", last_seen_at=last)
                await gaps.note_lost_events(db, await registries.list_active(db), reason="indexer_killed", since=last)
        await asyncio.sleep(BEAT_SECONDS)
