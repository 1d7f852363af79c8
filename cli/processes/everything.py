"""`regdex up`: PostgreSQL, the indexer, the service and, with --demo, a registry, on one event loop."""

import asyncio
import errno
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import structlog
from rich.console import Console

from cli import demo as demo_registry
from cli.demo import Demo
from cli.processes.loops import run_until_stopped
from cli.terminal import welcome
from cli.terminal.backfill_watch import watch_first_reads
from regdex import database, telemetry
from regdex import settings as configuration
from regdex.database import Pool
from regdex.errors import Misconfigured
from regdex.settings import Settings
from regdex.store.catalog.registries import list_silent

log = structlog.get_logger()

DEMO_PORT = 5055
DEMO_STATISTICS_SECONDS = 30
DEMO_LABEL = "com.example.team"


def run(
    config: Path | None, overrides: dict[str, Any], *, demo: bool, insecure_no_auth: bool, settings_options: str = ""
) -> None:
    """Run until SIGINT or SIGTERM. Raises Misconfigured before anything starts. For `settings_options` see `greet`."""
    named = {registry["name"] for registry in overrides.get("registries", ())}
    console = Console(stderr=True, highlight=False)
    if demo:
        overrides["registries"] = [
            *overrides.get("registries", []),
            {"name": "demo", "url": f"http://127.0.0.1:{DEMO_PORT}", "hosts": ["registry.example.com"]},
        ]
        # Whoever tries the demo does not wait an hour, the default, to see a download counted.
        overrides.setdefault("cadence", {}).setdefault("statistics_seconds", DEMO_STATISTICS_SECONDS)
        overrides.setdefault("search", {}).setdefault("facet_labels", [DEMO_LABEL])
        if console.is_terminal:
            overrides.setdefault("log", {}).setdefault("level", "warning")
    settings = configuration.load(config, overrides=overrides)
    telemetry.configure_logs(settings.log.level, settings.log.format)

    async def greet(db: Pool) -> None:
        welcome.greet(console, settings, demo=demo, settings_options=settings_options)
        for name in await list_silent(db) if console.is_terminal else ():
            if name in named and (registry := settings.registry(name)):
                welcome.explain_silence(console, settings, registry)

    run_until_stopped(
        lambda stop: _run(settings, stop, console, greet=greet, demo=demo, insecure_no_auth=insecure_no_auth)
    )


async def _run(
    settings: Settings,
    stop: asyncio.Event,
    console: Console,
    *,
    greet: Callable[[Pool], Awaitable[None]],
    demo: bool,
    insecure_no_auth: bool,
) -> None:
    from indexer.process import indexing
    from regdex.search.engines import open_index, open_writer
    from service.process import STATEMENT_SECONDS, serving

    async with AsyncExitStack() as stack:
        with console.status("Starting PostgreSQL"):
            url = settings.database.url.get_secret_value()
            if not url:
                from cli import embedded

                url = await stack.enter_async_context(embedded.running(settings.data_dir))
            db = await database.connect(url, size=settings.database.pool + 10, application="regdex index")
            stack.push_async_callback(db.close)
            for migration in await database.upgrade(db):
                log.info("migration applied", version=migration.version, name=migration.name)
            reading = await database.connect(
                url,
                size=settings.database.pool,
                statement_timeout_seconds=STATEMENT_SECONDS,
                application="regdex serve",
            )
            stack.push_async_callback(reading.close)
        index = open_index(settings)
        stack.push_async_callback(index.close)
        registry = await stack.enter_async_context(_demo(settings)) if demo else None
        writer = open_writer(settings)
        stack.push_async_callback(writer.close)
        await stack.enter_async_context(indexing(settings, db, writer))
        await stack.enter_async_context(
            serving(settings, reading, index, metrics_listen=settings.metrics.listen, insecure_no_auth=insecure_no_auth)
        )
        await greet(reading)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(watch_first_reads(db, console))]
            if registry is not None:
                tasks.append(group.create_task(registry.story()))
            await stop.wait()
            for task in tasks:
                task.cancel()
        console.print("Stopping")


@asynccontextmanager
async def _demo(settings: Settings) -> AsyncIterator[Demo]:
    """Run the demo registry. Its journal is in the data directory, so the next start has the same content."""
    registry = settings.registry("demo")
    assert registry is not None  # noqa: S101 - `run` has added it
    secret = configuration.read_or_make_secret(settings.webhook_secret_path(registry))
    webhooks = f"http://{settings.webhooks.listen}/webhooks/demo"
    port = urlsplit(registry.url).port or 0
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    try:
        async with demo_registry.running(
            webhooks, secret.get_secret_value(), port=port, journal=settings.data_dir / "demo-registry.jsonl"
        ) as running:
            yield running
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        raise Misconfigured(f"the demo registry needs port {port} of 127.0.0.1, which is in use") from error
