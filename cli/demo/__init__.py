"""A small demo registry with the images of a company, and simulated people and machines that use it.

async with demo.running(webhook_url, secret) as registry, asyncio.TaskGroup() as group:
    group.create_task(registry.story())
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from cli.demo.catalog import make_catalog
from cli.demo.content import Content
from cli.demo.journal import Journal, load
from cli.demo.notifications import Notifications
from cli.demo.server import application
from cli.demo.story import tell


@dataclass(frozen=True, slots=True)
class Demo:
    """A running demo registry: its base `url` and its content."""

    url: str
    content: Content
    seed: int

    async def story(self, *, pace_seconds: float = 1.0) -> None:
        """Push, move tags, delete and pull, about one event per `pace_seconds`, until cancelled."""
        await tell(self.url, self.content, seed=self.seed, pace_seconds=pace_seconds)


@asynccontextmanager
async def running(
    webhook_url: str,
    secret: str,
    *,
    port: int = 0,
    seed: int = 1,
    journal: Path | None = None,
    content: Content | None = None,
) -> AsyncIterator[Demo]:
    """Serve on 127.0.0.1 and send webhooks to `webhook_url`; empty sends none. Port 0 takes a free one.

    It starts with `content`, else with the content that `journal` has kept, else with the catalog of `seed`.
    """
    held = content or (load(journal) if journal else None) or make_catalog(seed)
    notifications = Notifications(webhook_url, secret)
    runner = web.AppRunner(application(held, notifications), access_log=None, shutdown_timeout=1)
    await runner.setup()
    sender = asyncio.create_task(notifications.run())
    try:
        with ExitStack() as stack:
            if journal:
                stack.enter_context(Journal(journal, held))
            site = web.TCPSite(runner, "127.0.0.1", port)
            await site.start()
            address = f"127.0.0.1:{runner.addresses[0][1]}"
            notifications.source = address
            yield Demo(f"http://{address}", held, seed)
    finally:
        sender.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await sender
        await runner.cleanup()
