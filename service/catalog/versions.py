"""The version and the watermark of the repository that a request names, from which entity tags are made."""

from typing import Any

import asyncpg

from regdex.database import Database
from regdex.errors import NotFound
from regdex.store.catalog import repositories
from service.caller import Caller
from service.completeness import spoken_of
from service.etags import Stamp


async def find_repository(db: Database, caller: Caller, request: Any, missing: str) -> asyncpg.Record:
    """Return `id`, `version`, `indexed_through` and `complete` of the request's repository.

    Raise NotFound with the text `missing` when the repository is unknown or hidden from the caller.
    """
    row = await _find(db, caller, request)
    if row is None:
        raise NotFound(missing)
    return row


async def read_stamp(db: Database, caller: Caller, request: Any) -> Stamp | None:
    """Return the stamp of the request's repository; None when it is unknown or hidden from the caller."""
    row = await _find(db, caller, request)
    return None if row is None else Stamp.of(row)


async def _find(db: Database, caller: Caller, request: Any) -> asyncpg.Record | None:
    return await repositories.find_repository(
        db, caller.projects, request.registry, request.repository, spoken_of(request)
    )
