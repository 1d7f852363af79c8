"""Use case of search: from the index, or from names in PostgreSQL while the index is away, marked as degraded."""

import asyncio
from typing import Any

import structlog

from regdex.caller import Caller
from regdex.database import Database
from regdex.errors import InvalidArgument, Misconfigured, Unavailable
from regdex.models.search import SearchRepositoriesRequest
from regdex.paging import read_page
from regdex.search import Document, Fingerprint, Found, Query, SearchIndex
from regdex.search.postgres import PostgresNames
from regdex.search.query import Filter, is_exactly
from regdex.search.tokens import TOKENS_VERSION
from regdex.store.search_index import IndexState, get_index_state
from regdex.store.watermarks import get_watermark
from regdex.telemetry import SEARCHES
from service.context import Context

log = structlog.get_logger()

DEFAULT_SIZE = 20
LAST_OFFSET = 1000
LONGEST_SECONDS = 2.0


async def search_repositories(context: Context, caller: Caller, request: SearchRepositoriesRequest) -> dict[str, Any]:
    """Repositories by words that may be misspelt, best first."""
    page = read_page("SearchRepositories", caller, request, int, default=DEFAULT_SIZE)
    (offset,) = page.after or (0,)
    if not 0 <= offset < LAST_OFFSET:
        raise InvalidArgument(f"page_token: only the first {LAST_OFFSET} hits can be paged; ListRepositories lists all")
    query = Query(
        text=request.q,
        filters=_filters(request),
        project_ids=caller.project_ids,
        offset=offset,
        limit=min(page.size, LAST_OFFSET - offset),
    )
    answer, state, watermark = await asyncio.gather(
        _ask(context.search, query), get_index_state(context.db), get_watermark(context.db, request.registry)
    )
    degraded = answer is None or not _mirrors(answer[1], state)
    if degraded or answer is None:
        engine: SearchIndex = PostgresNames(context.db)
        found = await engine.search(query)
    else:
        found, engine = answer[0], answer[2]
    SEARCHES.labels(engine.name).inc()
    end = offset + query.limit
    return {
        "hits": [_hit(document) for document in found.documents],
        "next_page_token": page.token((end,)) if end < min(found.total, LAST_OFFSET) else "",
        "total": found.total,
        "degraded": degraded,
        "source": engine.name,
        "index_lag_seconds": 0.0 if degraded else state.lag_seconds,
        "indexed_through": watermark["indexed_through"],
        "complete": watermark["complete"],
    }


def _filters(request: SearchRepositoriesRequest) -> tuple[Filter, ...]:
    filters = []
    if request.registry:
        filters.append(is_exactly("registry", request.registry))
    if request.project is not None:
        filters.append(is_exactly("project", request.project))
    return tuple(filters)


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
    if fingerprint.database_id != state.database_id:
        raise Misconfigured("data_dir: its search index mirrors another database; is it another deployment's?")
    raise Misconfigured(
        "data_dir: its search index is of another release, or an old copy; start `regdex index` first, it rebuilds it"
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


async def _ask(index: SearchIndex | None, query: Query) -> tuple[Found, Fingerprint | None, SearchIndex] | None:
    """What the index finds, and which index it was; None when it does not answer in time."""
    if index is None:
        return None
    try:
        async with asyncio.timeout(LONGEST_SECONDS):
            found, fingerprint = await asyncio.gather(index.search(query), index.fingerprint())
    except (Unavailable, TimeoutError) as error:
        log.info("the search index does not answer", error=str(error) or type(error).__name__)
        return None
    return found, fingerprint, index


def _hit(document: Document) -> dict[str, Any]:
    return {
        "registry": document.registry,
        "repository": document.repository,
        "project": document.project,
        "description": document.description,
        "tags": list(document.tags),
        "platforms": list(document.platforms),
        "tag_count": document.tag_count,
        "downloads_30d": document.downloads_30d,
        "pushed_at": document.pushed_at,
    }
