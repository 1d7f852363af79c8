"""SQL of API keys: the hash of each secret and its scope."""

from datetime import timedelta

import asyncpg

from regdex.database import Database


async def add_key(
    db: Database, *, id: str, name: str, scope: str, secret_sha256: bytes, lifetime: timedelta | None
) -> None:
    """Store a new key; only the hash of its secret is stored, so the secret cannot be shown again."""
    await db.execute(
        """
        INSERT INTO api_key (id, name, scope, secret_sha256, expires_at)
        VALUES ($1, $2, $3, $4, now() + $5::interval)
        """,
        id,
        name,
        scope,
        secret_sha256,
        lifetime,
    )


async def list_keys(db: Database) -> list[asyncpg.Record]:
    """Return all keys, oldest first, including revoked and expired ones, without their hashes."""
    return await db.fetch(
        "SELECT id, name, scope, created_at, expires_at, revoked_at FROM api_key ORDER BY created_at, id"
    )


async def load_keys(db: Database) -> list[asyncpg.Record]:
    """Return all keys with the columns needed to check one, including revoked keys.

    `seconds_left` is NULL for a key that does not expire; it is computed with PostgreSQL's clock.
    """
    return await db.fetch(
        """
        SELECT id, scope, secret_sha256, revoked_at IS NOT NULL AS revoked,
               extract(epoch FROM expires_at - now())::float8 AS seconds_left
          FROM api_key
        """
    )


async def revoke_key(db: Database, id: str) -> bool:
    """Revoke a key permanently; return False if no key has this id or it is already revoked."""
    found = await db.fetchval(
        "UPDATE api_key SET revoked_at = now() WHERE id = $1 AND revoked_at IS NULL RETURNING true", id
    )
    return found is not None
