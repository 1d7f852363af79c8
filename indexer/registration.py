"""Writes the registries of the settings to the catalog, with the capabilities of their kinds."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import orjson

from indexer.kinds import kind_of, options_of, read_mode_of
from regdex.database import Connection
from regdex.settings import Registry
from regdex.store.catalog import registration
from regdex.store.catalog.registration import RegistryRow

# Settings that decide the result of a full read; a change of one makes a read due.
_READING = {
    "url", "path_prefix", "kind", "options", "auth_hosts", "blob_hosts", "username", "password_file", "ca_file",
    "proxy", "include", "exclude", "repositories", "read",
}  # fmt: skip


async def register(conn: Connection, registries: Sequence[Registry]) -> dict[str, int]:
    """Make the catalog's registries those of the settings; return ids by name. Misconfigured for an unknown kind."""
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
        read_mode=read_mode_of(registry),
        settings_hash=_hash_of(registry),
    )


def _hash_of(registry: Registry) -> str:
    """Return a hash of the settings in `_READING`. Of files it includes only the path, size and time."""
    settings = registry.model_dump(mode="json", include=_READING)
    files = [_version(path) for path in (registry.password_file, registry.ca_file) if path is not None]
    return hashlib.sha256(orjson.dumps([settings, files], option=orjson.OPT_SORT_KEYS)).hexdigest()


def _version(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError:
        return 0, 0
    return status.st_size, status.st_mtime_ns
