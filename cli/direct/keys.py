"""`regdex keys`: API keys, written to the database directly."""

from datetime import timedelta
from typing import Any

from regdex import database
from regdex.caller import Scope
from regdex.database import Pool
from regdex.errors import InvalidArgument, NotFound
from regdex.store import keys
from service import auth


async def create_key(db: Pool, name: str, scope: str, expires: str) -> str:
    """Make an API key; the answer is the only time that its secret is known."""
    if scope.upper() not in Scope.__members__:
        raise InvalidArgument("scope is read, write or admin")
    lifetime = None
    if expires:
        if not (expires.endswith("d") and expires[:-1].isdecimal() and 0 < int(expires[:-1]) <= 3650):
            raise InvalidArgument("expires is a number of days from 1d to 3650d")
        lifetime = timedelta(days=int(expires[:-1]))
    await database.upgrade(db)
    return await auth.create_key(db, name=name, scope=Scope[scope.upper()], lifetime=lifetime)


async def list_keys(db: Pool) -> list[dict[str, Any]]:
    await database.upgrade(db)
    return [dict(row) for row in await keys.list_keys(db)]


async def revoke_key(db: Pool, key_id: str) -> None:
    if not await keys.revoke_key(db, key_id):
        raise NotFound(f"no key {key_id!r} that is not revoked already")
