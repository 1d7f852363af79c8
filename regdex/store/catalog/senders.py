"""SQL about the senders of deliveries: the columns of a registry that decoding needs, and its known processes."""

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from regdex.database import Connection, Database


async def list_senders(db: Database) -> list[asyncpg.Record]:
    """Return id, name, kind and hosts of all registries, including paused ones."""
    return await db.fetch("SELECT id, name, kind, hosts FROM registry ORDER BY id")


async def add_instances(conn: Connection, registry_id: int, instances: Sequence[str]) -> datetime | None:
    """Record processes of a registry; return when it was last heard if one is new while others were known.

    A new process means a restart, and a restart may have lost events. Returns None otherwise.
    """
    heard_at: datetime | None = await conn.fetchval(
        """
        WITH known AS (
            SELECT EXISTS (SELECT FROM registry_instance WHERE registry_id = $1) AS others
        ), noted AS (
            INSERT INTO registry_instance (registry_id, instance, first_seen_at)
            SELECT $1, instance, now()
              FROM unnest($2::text[]) AS instance
                ON CONFLICT (registry_id, instance) DO NOTHING
            RETURNING instance
        )
        SELECT coalesce(registry.accepted_at, registry.events_through)
          FROM registry, known
         WHERE registry.id = $1 AND known.others AND EXISTS (SELECT FROM noted)
        """,
        registry_id,
        instances,
    )
    return heard_at
