"""What the entity tag of an answer about one repository is made of, without the answer."""

from typing import Any

from regdex.database import Database
from regdex.store.catalog import repositories
from service.caller import Caller
from service.completeness import spoken_of
from service.etags import Stamp


async def read_stamp(db: Database, caller: Caller, request: Any) -> Stamp | None:
    """The stamp of the repository that a request names; None when it is not known or not visible."""
    row = await repositories.find_repository(
        db, caller.projects, request.registry, request.repository, spoken_of(request)
    )
    return None if row is None else Stamp.of(row)
