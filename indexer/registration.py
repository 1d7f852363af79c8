"""Writes the registries of the settings to the catalog, with what their kinds say of them."""

from collections.abc import Sequence

from indexer.kinds import decoder_for
from regdex.database import Connection
from regdex.settings import Registry
from regdex.store.catalog import registration
from regdex.store.catalog.registration import RegistryRow


async def register(conn: Connection, registries: Sequence[Registry]) -> dict[str, int]:
    """Make the catalog's registries those of the settings; returns ids by name."""
    return await registration.sync_registries(
        conn,
        [
            RegistryRow(g.name, g.kind, g.base_url, g.paused, decoder_for(g.kind).untagged_manifests, g.all_hosts)
            for g in registries
        ],
    )
