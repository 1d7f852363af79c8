"""Names in PostgreSQL as a search engine: the fallback while no index answers.

Words are found inside of repository names, nowhere else: no typos, no descriptions, no Chinese.
"""

import asyncio

import asyncpg

from regdex.database import Database
from regdex.errors import Unavailable
from regdex.search import Fingerprint, Found, Query, tokens
from regdex.search.query import TextFilter
from regdex.store.documents import read_documents
from regdex.store.name_search import find_by_name

MOST_WORDS = 10
LONGEST_SECONDS = 3.0


class PostgresNames:
    """SearchIndex on the catalog itself. `total` counts what was looked at: 1000 and what begins so, at most."""

    name = "postgres"

    def __init__(self, db: Database) -> None:
        self._db = db

    async def search(self, query: Query) -> Found:
        """Unavailable when PostgreSQL does not answer in time."""
        words = [word.text for word in tokens.split(query.text, limit=MOST_WORDS)]
        if query.project_ids == frozenset() or (query.text.strip() and not words):
            return Found([], 0)
        exact = {c.field: c.patterns[0].text for c in query.filters if isinstance(c, TextFilter)}
        try:
            async with asyncio.timeout(LONGEST_SECONDS):
                rows = await find_by_name(
                    self._db,
                    None if query.project_ids is None else sorted(query.project_ids),
                    registry=exact.get("registry", ""),
                    project=exact.get("project"),
                    name=_as_name(query.text),
                    parts=words,
                    offset=query.offset,
                    limit=query.limit,
                )
                ids = [row["id"] for row in rows]
                found = {document.id: document for document in await read_documents(self._db, ids)}
        except (TimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise Unavailable("names could not be searched in time") from error
        return Found([found[id] for id in ids if id in found], rows[0]["total"] if rows else 0)

    async def fingerprint(self) -> Fingerprint | None:
        return None

    async def close(self) -> None:
        pass


def _as_name(text: str) -> str:
    """What was typed as far as it could be a name; empty where it could not."""
    name = tokens.fold(text.strip())
    return name if name.isascii() and name.isprintable() and " " not in name else ""
