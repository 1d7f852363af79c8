"""Writes the registries of the settings to the catalog, with what their kinds say of them."""

from collections.abc import Sequence

from indexer.kinds import kind_of, options_of
from regdex.database import Connection
from regdex.settings import Registry
from regdex.store.catalog import registration
from regdex.store.catalog.registration import RegistryRow


async def register(conn: Connection, registries: Sequence[Registry]) -> dict[str, int]:
    """Make the catalog's registries those of the settings; returns ids by name. Misconfigured for a wrong kind."""
    return await registration.sync_registries(conn, [_row_of(registry) for registry in registries])


def _row_of(registry: Registry) -> RegistryRow:
    options_of(registry)
    capabilities = kind_of(registry.kind).capabilities
    return RegistryRow(
        name=registry.name,
        kind=registry.kind,
        url=registry.base_url,
        hosts=registry.all_hosts,
        paused=registry.paused,
        untagged_manifests=capabilities.untagged_manifests,
        reports_pushes=capabilities.reports_pushes,
        reports_tag_moves=capabilities.reports_tag_moves,
        reports_tag_deletes=capabilities.reports_tag_deletes,
        reports_pulls=capabilities.reports_pulls,
        time_resolution_seconds=capabilities.time_resolution.total_seconds(),
        get_counts_as_pull=capabilities.get_counts_as_pull,
        lists_digests=capabilities.lists_digests,
        retries_deliveries=capabilities.retries_deliveries,
    )
