"""What the use cases work with."""

from dataclasses import dataclass

from regdex.database import Pool
from regdex.search import SearchIndex


@dataclass(frozen=True, slots=True)
class Context:
    """`search` is None while there is no index to open; names in PostgreSQL answer then."""

    db: Pool
    search: SearchIndex | None = None
