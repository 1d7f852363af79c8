"""The settings and the database of commands that need no running Regdex."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from regdex import database, settings, telemetry
from regdex.database import Pool
from regdex.settings import Settings

Answer = TypeVar("Answer")


def load(config: Path | None) -> Settings:
    """Load the settings. Log only warnings, so that a command prints its answer and little else."""
    telemetry.configure_logs("warning", "auto")
    return settings.load(config)


@asynccontextmanager
async def open_database(loaded: Settings, *, size: int = 2) -> AsyncIterator[Pool]:
    """Open a pool of up to `size` connections to the database of the settings. Does not check its schema."""
    async with _database_url(loaded) as url:
        pool = await database.connect(url, size=size, application="regdex cli")
        try:
            yield pool
        finally:
            await pool.close()


async def with_database(config: Path | None, use: Callable[[Pool], Awaitable[Answer]]) -> Answer:
    """Call `use` with the database of the settings and return its answer."""
    async with open_database(load(config)) as db:
        return await use(db)


@asynccontextmanager
async def _database_url(loaded: Settings) -> AsyncIterator[str]:
    """Yield the URL of the configured database, else of the embedded one, which is started unless it runs."""
    if url := loaded.database.url.get_secret_value():
        yield url
        return
    from cli import embedded

    if running := await asyncio.to_thread(embedded.connect_url, loaded.data_dir):
        yield running
        return
    async with embedded.running(loaded.data_dir) as url:
        yield url
