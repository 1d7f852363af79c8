"""`regdex db verify-content`: fetches stored manifests again and repairs rows that differ."""

from contextlib import AsyncExitStack
from pathlib import Path

from cli.direct.connection import load, open_database
from indexer.fetching.verification import Verified, verify_content
from indexer.kinds import client_of
from regdex import database
from regdex.errors import Misconfigured
from regdex.store.queues.fetches import list_registry_ids


async def verify(config: Path | None, *, sample: int | None) -> Verified:
    """Verify `sample` random manifests, or (None) all, of the registries of the settings that are not paused."""
    loaded = load(config)
    registries = {registry.name: registry for registry in loaded.registries if not registry.paused}
    if not registries:
        raise Misconfigured("registries: the settings name none that is not paused")
    async with open_database(loaded, size=5) as db, AsyncExitStack() as stack:
        await database.check_current(db)
        clients = {
            number: await stack.enter_async_context(client_of(registries[name]))
            for name, number in (await list_registry_ids(db, list(registries))).items()
        }
        return await verify_content(db, clients, sample=sample)
