"""`regdex keys`: API keys in the database."""

from datetime import timedelta
from typing import Any

from regdex import database
from regdex.caller import Scope
from regdex.database import Pool
from regdex.errors import InvalidArgument, NotFound
from regdex.store import keys
from service import auth


async def create_key(db: Pool, name: str, scope: str, expires: str) -> str:
    """Create an API key and return it. Only its hash is stored, so it cannot be read again."""
    if scope.upper() not in Scope.__members__:
        raise InvalidArgument(f"scope: expected read, write or admin; got {scope!r}")
    lifetime = None
    if expires:
        if not (expires.endswith("d") and expires[:-1].isdecimal() and 0 < int(expires[:-1]) <= 3650):
            raise InvalidArgument(f"expires: expected 1d to 3650d; got {expires!r}")
        lifetime = timedelta(days=int(expires[:-1]))
    await database.upgrade(db)
    return await auth.create_key(db, name=name, scope=Scope[scope.upper()], lifetime=lifetime)


async def list_keys(db: Pool) -> list[dict[str, Any]]:
    await database.upgrade(db)
    return [dict(row) for row in await keys.list_keys(db)]


async def revoke_key(db: Pool, key_id: str) -> None:
    if not await keys.revoke_key(db, key_id):
        raise NotFound(f"no API key {key_id!r}, or it is revoked already")
