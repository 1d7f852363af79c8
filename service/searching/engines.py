"""The choice of the engine for a search: the search index, or repository names in PostgreSQL.

The index answers while it mirrors this database and does so within `MAX_SECONDS`.
"""

import asyncio
from typing import NamedTuple

import structlog

from regdex.database import Database
from regdex.errors import Misconfigured, Unavailable
from regdex.search import Fingerprint, Found, Query, SearchIndex
from regdex.search.postgres import PostgresNames
from regdex.search.tokens import TOKENS_VERSION
from regdex.store.search.index_state import IndexState, get_index_state
from regdex.telemetry import SEARCHES
from service.context import Context

log = structlog.get_logger()

MAX_SECONDS = 2.0


class Answered(NamedTuple):
    """The hits and the engine that found them. `lag_seconds` is the age of the oldest change missing from the index."""

    found: Found
    engine: SearchIndex
    degraded: bool
    lag_seconds: float


async def search(context: Context, query: Query) -> Answered:
    """Search the index, or PostgreSQL if the index cannot answer. Raise Unavailable when neither can."""
    # Start the database query first: whatever starts after the search waits until its thread releases the GIL.
    state, answer = await asyncio.gather(get_index_state(context.db), _ask(context.search, query))
    if answer is not None and context.search is not None and _mirrors(answer[1], state):
        answered = Answered(answer[0], context.search, False, state.lag_seconds)
    else:
        names = PostgresNames(context.db)
        answered = Answered(await names.search(query), names, True, 0.0)
    SEARCHES.labels(answered.engine.name).inc()
    return answered


async def check_index(db: Database, index: SearchIndex) -> None:
    """Raise Misconfigured when the search index does not mirror this database.

    A missing index and one that is being replaced are accepted: PostgreSQL answers until the new one is ready.
    """
    state = await get_index_state(db)
    try:
        fingerprint = await index.fingerprint()
    except Unavailable:
        return
    if fingerprint is None or _mirrors(fingerprint, state) or fingerprint.index_id == state.replaces:
        return
    where = "search.index" if index.name == "meilisearch" else "data_dir"
    if fingerprint.database_id != state.database_id:
        raise Misconfigured(f"{where}: the search index was built from another database, perhaps by another deployment")
    raise Misconfigured(
        f"{where}: the search index is from another release or an old copy; start `regdex index` to rebuild it"
    )


def _mirrors(fingerprint: Fingerprint | None, state: IndexState) -> bool:
    """Whether an index was built from this database, with the tokens of this release."""
    return (
        fingerprint is not None
        and state.fingerprint is not None
        and fingerprint.database_id == state.database_id
        and fingerprint.tokens_version == TOKENS_VERSION
        and fingerprint.index_id in (state.fingerprint.index_id, state.replaces)
    )


async def _ask(index: SearchIndex | None, query: Query) -> tuple[Found, Fingerprint | None] | None:
    """Return the hits and the fingerprint of the index; None when it does not answer within `MAX_SECONDS`."""
    if index is None:
        return None
    try:
        async with asyncio.timeout(MAX_SECONDS):
            fingerprint, found = await asyncio.gather(index.fingerprint(), index.search(query))
            return found, fingerprint
    except (Unavailable, TimeoutError) as error:
        log.info("the search index does not answer", error=str(error) or type(error).__name__)
        return None
