"""`regdex serve` and `regdex index`: the two processes of an installation with its own PostgreSQL."""

import asyncio
import contextlib
import os
import random
import signal
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import structlog

from cli.processes.loops import run_until_stopped
from regdex import database, telemetry
from regdex import settings as configuration
from regdex.errors import Misconfigured
from regdex.settings import Settings, split_address

log = structlog.get_logger()

# Set for a worker, as `<its number>/<process id of its parent>`.
WORKER_VARIABLE = "REGDEX_WORKER"
PARENT_SECONDS = 1.0
RESTART_SECONDS = (0.5, 30.0)
LONG_ENOUGH_SECONDS = 60.0


def serve(config: Path | None, *, workers: int, insecure_no_auth: bool) -> None:
    """Serve until stopped. With several workers, this process only supervises them."""
    settings = _load(config)
    worker = os.environ.get(WORKER_VARIABLE)
    if workers > 1 and worker is None:
        run_until_stopped(lambda stop: _keep_workers(workers, stop))
        return
    number, _, parent = (worker or "0/").partition("/")
    host, port = split_address(settings.metrics.listen)
    metrics = settings.metrics.model_copy(update={"listen": f"{host}:{port + int(number) if port else 0}"})
    settings = settings.model_copy(update={"metrics": metrics})
    run_until_stopped(lambda stop: _serve(settings, stop, insecure_no_auth=insecure_no_auth, parent=int(parent or 0)))


def index(config: Path | None) -> None:
    """Index until stopped."""
    settings = _load(config)
    run_until_stopped(lambda stop: _index(settings, stop))


def _load(config: Path | None) -> Settings:
    settings = configuration.load(config)
    telemetry.configure_logs(settings.log.level, settings.log.format)
    if not settings.database.url.get_secret_value():
        raise Misconfigured("database.url: not set; only `regdex up` runs an embedded PostgreSQL")
    return settings


async def _serve(settings: Settings, stop: asyncio.Event, *, insecure_no_auth: bool, parent: int) -> None:
    """Serve until `stop`. `parent` is the process id of the supervisor of several workers, else 0."""
    from regdex.search.engines import open_index
    from service.process import STATEMENT_SECONDS, serving
    from service.searching.engines import check_index

    async with AsyncExitStack() as stack:
        db = await database.connect(
            settings.database.url.get_secret_value(),
            size=settings.database.pool,
            statement_timeout_seconds=STATEMENT_SECONDS,
            application="regdex serve",
        )
        stack.push_async_callback(db.close)
        await database.check_current(db)
        search = open_index(settings)
        stack.push_async_callback(search.close)
        await check_index(db, search)
        await stack.enter_async_context(
            serving(
                settings,
                db,
                search,
                metrics_listen=settings.metrics.listen,
                insecure_no_auth=insecure_no_auth,
                reuse_port=bool(parent),
            )
        )
        if parent:
            following = asyncio.ensure_future(_follow(parent, stop))
            stack.callback(following.cancel)
        await stop.wait()


async def _follow(parent: int, stop: asyncio.Event) -> None:
    """Set `stop` when the parent has died: else its workers would share their ports with those of the next parent."""
    while os.getppid() == parent:  # noqa: ASYNC110 - no event tells it
        await asyncio.sleep(PARENT_SECONDS)
    log.error("the parent of this worker has ended")
    stop.set()


async def _index(settings: Settings, stop: asyncio.Event) -> None:
    from indexer.process import indexing
    from regdex.network.monitoring import Door, monitoring
    from regdex.search.engines import open_writer

    async with AsyncExitStack() as stack:
        db = await database.connect(
            settings.database.url.get_secret_value(), size=settings.database.pool + 10, application="regdex index"
        )
        stack.push_async_callback(db.close)
        await database.upgrade(db)
        writer = open_writer(settings)
        stack.push_async_callback(writer.close)

        door = Door(lambda: database.check_ready(db))
        await stack.enter_async_context(monitoring(settings.metrics.index_listen, door))
        await stack.enter_async_context(indexing(settings, db, writer))
        door.open()
        await stop.wait()
        door.close()


async def _keep_workers(count: int, stop: asyncio.Event) -> None:
    """Start `count` copies of this command, restart those that end, and send SIGTERM to all on `stop`."""
    async with asyncio.TaskGroup() as group:
        for number in range(count):
            group.create_task(_keep_worker(number, stop))


async def _keep_worker(number: int, stop: asyncio.Event) -> None:
    failures = 0
    loop = asyncio.get_running_loop()
    while not stop.is_set():
        began = loop.time()
        environment = {**os.environ, WORKER_VARIABLE: f"{number}/{os.getpid()}"}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "cli.main", *sys.argv[1:], env=environment, start_new_session=True
        )
        ended = asyncio.ensure_future(process.wait())
        stopped = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait((ended, stopped), return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.send_signal(signal.SIGTERM)
                await ended
        if stop.is_set():
            return
        if process.returncode == 78:
            raise Misconfigured(f"worker {number} refused the settings")
        failures = 0 if loop.time() - began > LONG_ENOUGH_SECONDS else failures + 1
        delay = min(RESTART_SECONDS[0] * 2**failures, RESTART_SECONDS[1]) * random.uniform(0.5, 1.0)  # noqa: S311
        log.error("worker ended", worker=number, code=process.returncode, restart_in_seconds=round(delay, 1))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(delay):
                await stop.wait()
