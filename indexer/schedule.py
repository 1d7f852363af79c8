"""Periodic work: one indexer of all leads, and runs each job when it is due.

Leading is a PostgreSQL advisory lock on a connection of its own: it ends with the connection, so a killed leader is
followed at once. A job that was missed runs once, not as often as it was missed.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog

from regdex.database import LOCK_SCHEDULE, Connection, Pool, end_if_cancelled, outage_logged, try_lock, unlock
from regdex.store.queues import schedule
from regdex.times import wait_until_set

log = structlog.get_logger()

TICK_SECONDS = 1.0
STANDBY_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Job:
    """Something to do every so often; `run` may raise: it is logged, and tried again when next due."""

    name: str
    every_seconds: int
    run: Callable[[], Awaitable[None]]


async def run_schedule(db: Pool, jobs: Sequence[Job], stop: asyncio.Event) -> None:
    """Lead whenever nobody else does, until `stop` is set."""
    while not stop.is_set():
        with outage_logged("schedule interrupted"):
            async with db.acquire() as connection:
                if await try_lock(connection, LOCK_SCHEDULE):
                    try:
                        await _lead(connection, jobs, stop)
                    finally:
                        await unlock(connection, LOCK_SCHEDULE)
        await wait_until_set(stop, STANDBY_SECONDS)


async def _lead(connection: Connection, jobs: Sequence[Job], stop: asyncio.Event) -> None:
    while not stop.is_set():
        for job in jobs:
            if not await schedule.start_job_if_due(connection, job.name, every_seconds=job.every_seconds):
                continue
            try:
                await job.run()
            except Exception as error:  # one job's fault must not end the others
                end_if_cancelled()
                log.exception("job failed", job=job.name, error=type(error).__name__)
            else:
                await schedule.finish_job(connection, job.name)
        await wait_until_set(stop, TICK_SECONDS)
