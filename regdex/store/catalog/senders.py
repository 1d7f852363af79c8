"""Those that send deliveries: what decoding needs to know of a registry, and which of its processes have been heard."""

from collections.abc import Sequence

import asyncpg

from regdex.database import Connection, Database


async def list_senders(db: Database) -> list[asyncpg.Record]:
    """All registries, paused or not: number, name, kind and hosts."""
    return await db.fetch("SELECT id, name, kind, hosts FROM registry ORDER BY id")


async def note_instances(conn: Connection, registry_id: int, instances: Sequence[str]) -> None:
    """Note processes of a registry; one that is new where others were known is a restart, and so perhaps a gap."""
    await conn.execute(
        """
        WITH noted AS (
            INSERT INTO registry_instance (registry_id, instance, first_seen_at)
            SELECT $1, instance, now()
              FROM unnest($2::text[]) AS instance
                ON CONFLICT (registry_id, instance) DO NOTHING
            RETURNING instance
        )
        UPDATE registry
           SET gap_at = greatest(gap_at, now())
         WHERE id = $1
           AND EXISTS (SELECT FROM noted)
           AND EXISTS (SELECT FROM registry_instance WHERE registry_id = $1)
        """,
        registry_id,
        instances,
    )
