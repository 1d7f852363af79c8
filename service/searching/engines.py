"""Which engine answers a search: the index while it mirrors this database and is in time, else names in PostgreSQL."""

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

LONGEST_SECONDS = 2.0


class Answered(NamedTuple):
    """What was found and by whom; `lag_seconds` is the age of the oldest change that the index does not have."""

    found: Found
    engine: SearchIndex
    degraded: bool
    lag_seconds: float


async def search(context: Context, query: Query) -> Answered:
    """Unavailable only when PostgreSQL cannot answer either."""
    # The database is asked first: what starts after the search waits for its thread to let go of the interpreter.
    state, answer = await asyncio.gather(get_index_state(context.db), _ask(context.search, query))
    if answer is not None and context.search is not None and _mirrors(answer[1], state):
        answered = Answered(answer[0], context.search, False, state.lag_seconds)
    else:
        names = PostgresNames(context.db)
        answered = Answered(await names.search(query), names, True, 0.0)
    SEARCHES.labels(answered.engine.name).inc()
    return answered


async def check_index(db: Database, index: SearchIndex) -> None:
    """Misconfigured when an index is there that does not mirror this database; one that is not there yet is fine.

    So is one that is being replaced: until then PostgreSQL answers.
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
        raise Misconfigured(f"{where}: the search index mirrors another database; is it another deployment's?")
    raise Misconfigured(
        f"{where}: the search index is of another release, or an old copy; start `regdex index` first, it rebuilds it"
    )


def _mirrors(fingerprint: Fingerprint | None, state: IndexState) -> bool:
    """Whether an index is of this database and made of the words that this release searches for."""
    return (
        fingerprint is not None
        and state.fingerprint is not None
        and fingerprint.database_id == state.database_id
        and fingerprint.tokens_version == TOKENS_VERSION
        and fingerprint.index_id in (state.fingerprint.index_id, state.replaces)
    )


async def _ask(index: SearchIndex | None, query: Query) -> tuple[Found, Fingerprint | None] | None:
    """What the index finds, and which index it was; None when it does not answer in time."""
    if index is None:
        return None
    try:
        async with asyncio.timeout(LONGEST_SECONDS):
            fingerprint, found = await asyncio.gather(index.fingerprint(), index.search(query))
            return found, fingerprint
    except (Unavailable, TimeoutError) as error:
        log.info("the search index does not answer", error=str(error) or type(error).__name__)
        return None
