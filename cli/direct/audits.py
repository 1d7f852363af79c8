"""`regdex audit-truth`: compares the catalog with the registries."""

from pathlib import Path

from cli.direct.connection import load, open_database
from indexer.fetching.audit import Audit, audit_registry
from indexer.kinds import client_of
from regdex import database
from regdex.errors import Misconfigured, NotFound
from regdex.store.catalog import audits


async def run_audits(config: Path | None, registry: str, *, sample: int | None) -> dict[str, Audit]:
    """Audit `registry`, or (empty) all that were read in full and are not paused. Return audits by registry name."""
    loaded = load(config)
    settings = {one.name: one for one in loaded.registries if not registry or one.name == registry}
    if not settings:
        raise Misconfigured(f"registries: the settings do not name {repr(registry) if registry else 'any'}")
    found: dict[str, Audit] = {}
    async with open_database(loaded, size=5) as db:
        await database.check_current(db)
        for registry_id, name in await audits.list_auditable(db):
            if name in settings:
                async with client_of(settings[name]) as client:
                    found[name] = await audit_registry(db, client, registry_id, sample=sample)
    if not found:
        raise NotFound(f"nothing to audit: {', '.join(settings)}: paused, or not read in full yet")
    return found
