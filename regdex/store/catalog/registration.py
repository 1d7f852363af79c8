"""The registries of the settings, written to the catalog; and how far their events are recorded."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from regdex.database import Connection


class RegistryRow(NamedTuple):
    """A row of registry, as far as the settings and its kind say."""

    name: str
    kind: str
    url: str
    paused: bool
    untagged_manifests: str
    hosts: tuple[str, ...]


async def sync_registries(conn: Connection, registries: Sequence[RegistryRow]) -> dict[str, int]:
    """Make the catalog's registries those of the settings; returns ids by name.

    One that has left the settings is paused: nothing of it is forgotten.
    """
    await conn.execute(
        "UPDATE registry SET paused = true WHERE NOT paused AND name <> ALL ($1::text[])",
        [row.name for row in registries],
    )
    if not registries:
        return {}
    # Arrays of arrays are rectangular in PostgreSQL, lists of hosts are not: they travel as lines.
    found = await conn.fetch(
        r"""
        INSERT INTO registry (name, kind, url, paused, untagged_manifests, hosts)
        SELECT name, kind, url, paused, untagged_manifests, string_to_array(hosts, E'\n')
          FROM unnest($1::text[], $2::text[], $3::text[], $4::boolean[], $5::text[], $6::text[])
            AS set (name, kind, url, paused, untagged_manifests, hosts)
            ON CONFLICT (name) DO UPDATE
           SET kind = excluded.kind, url = excluded.url, paused = excluded.paused,
               untagged_manifests = excluded.untagged_manifests, hosts = excluded.hosts
        RETURNING name, id
        """,
        *zip(*((*row[:-1], "\n".join(row.hosts)) for row in sorted(registries)), strict=True),
    )
    return {row[0]: row[1] for row in found}


async def advance(conn: Connection, registry_id: int, at: datetime) -> None:
    """Events up to `at` are recorded."""
    await conn.execute(
        """
        UPDATE registry
           SET events_through = $2
         WHERE id = $1 AND (events_through IS NULL OR events_through < $2)
        """,
        registry_id,
        at,
    )
