"""Commands that reach the database directly: migrations and API keys."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from regdex import database, settings, telemetry
from regdex.database import Pool
from regdex.errors import InvalidArgument, NotFound

Answer = TypeVar("Answer")


def load(config: Path | None) -> settings.Settings:
    """The settings, for a command that prints its answer: only warnings are said beside it."""
    telemetry.configure_logs("warning", "auto")
    return settings.load(config)


@asynccontextmanager
async def database_url(loaded: settings.Settings) -> AsyncIterator[str]:
    """URL of the database: the configured one, else the embedded one, started for as long as needed unless it runs."""
    if url := loaded.database.url.get_secret_value():
        yield url
        return
    from cli import embedded

    if running := await asyncio.to_thread(embedded.connect_url, loaded.data_dir):
        yield running
        return
    async with embedded.running(loaded.data_dir) as url:
        yield url


async def with_database(config: Path | None, use: Callable[[Pool], Awaitable[Answer]]) -> Answer:
    """Open the database of the settings, use it, close it."""
    async with database_url(load(config)) as url:
        pool = await database.connect(url, size=2, application="regdex cli")
        try:
            return await use(pool)
        finally:
            await pool.close()


async def migration_states(db: Pool) -> list[tuple[str, str]]:
    """Each migration that this release or the database knows, and where it stands."""
    have = await database.applied(db)
    known = {migration.version: migration for migration in database.migrations()}
    states = []
    for version in sorted(have.keys() | known.keys()):
        migration = known.get(version)
        name = f"{version:04d}_{migration.name}" if migration else f"{version:04d}"
        if migration is None:
            states.append((name, "of a newer release"))
        elif version not in have:
            states.append((name, "missing"))
        else:
            states.append((name, "applied" if have[version] == migration.checksum else "applied with other content"))
    return states


async def upgrade(db: Pool) -> list[str]:
    return [f"{migration.version:04d}_{migration.name} applied" for migration in await database.upgrade(db)]


async def make_key(db: Pool, name: str, scope: str, expires: str) -> str:
    """Make an API key; the answer is the only time that its secret is known."""
    from service import auth
    from service.caller import Scope

    if scope.upper() not in Scope.__members__:
        raise InvalidArgument("scope is read, write or admin")
    lifetime = None
    if expires:
        if not (expires.endswith("d") and expires[:-1].isdecimal() and 0 < int(expires[:-1]) <= 3650):
            raise InvalidArgument("expires is a number of days from 1d to 3650d")
        lifetime = timedelta(days=int(expires[:-1]))
    await database.upgrade(db)
    return await auth.create_key(db, name=name, scope=Scope[scope.upper()], lifetime=lifetime)


async def keys(db: Pool) -> list[dict[str, Any]]:
    from regdex.store import keys as stored

    await database.upgrade(db)
    return [dict(row) for row in await stored.list_keys(db)]


async def end_key(db: Pool, key_id: str) -> None:
    from regdex.store import keys as stored

    if not await stored.revoke_key(db, key_id):
        raise NotFound(f"no key {key_id!r} that is not revoked already")
