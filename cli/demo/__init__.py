"""A small registry of our own with a company's images in it, and people and machines at work on them.

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
    """A running registry: its base `url`, and what it holds."""

    url: str
    content: Content
    seed: int

    async def story(self, *, pace_seconds: float = 1.0) -> None:
        """Pushes, tag moves, deletes and pulls, about one event each `pace_seconds`, until cancelled."""
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
    """Serve on 127.0.0.1 and announce everything to `webhook_url`, to nobody when it is empty. Port 0 takes a free one.

    It begins with the catalog of `seed` (or with `content`); with a `journal`, it goes on where it was stopped.
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
