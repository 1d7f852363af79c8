"""Use case of search: what was asked becomes a query, the hits become answers."""

import asyncio
from typing import Any

from regdex.caller import Caller
from regdex.errors import InvalidArgument, Unavailable
from regdex.models.search import SearchRepositoriesRequest
from regdex.paging import read_page
from regdex.search import SHOWN_TAGS, Document, Query
from regdex.search.highlights import highlight
from regdex.store.watermarks import get_watermark
from service.context import Context
from service.corrections import correct
from service.engines import Answered, search
from service.queries import read_query

DEFAULT_SIZE = 20
LAST_OFFSET = 1000
CORRECTION_SECONDS = 1.0


async def search_repositories(context: Context, caller: Caller, request: SearchRepositoriesRequest) -> dict[str, Any]:
    """Repositories by words that may be misspelt, and by filters, best first."""
    page = read_page("SearchRepositories", caller, request, int, default=DEFAULT_SIZE)
    (offset,) = page.after or (0,)
    if not 0 <= offset < LAST_OFFSET:
        raise InvalidArgument(f"page_token: only the first {LAST_OFFSET} hits can be paged; ListRepositories lists all")
    query, _ = read_query(context, caller, request, offset=offset, limit=min(page.size, LAST_OFFSET - offset))
    answered, watermark = await asyncio.gather(search(context, query), get_watermark(context.db, request.registry))
    found, end = answered.found, answered.found.next_offset
    return {
        "hits": [_hit(context, document, query) for document in found.documents],
        "next_page_token": page.token((end,)) if end is not None and end < LAST_OFFSET else "",
        "total": found.total,
        "degraded": answered.degraded,
        "source": answered.engine.name,
        "index_lag_seconds": answered.lag_seconds,
        "indexed_through": watermark["indexed_through"],
        "complete": watermark["complete"],
        "facets": [
            {"field": name, "values": [{"value": v.value, "count": v.count} for v in found.facets.get(name, ())]}
            for name in query.facets
        ],
        "did_you_mean": "" if found.documents else await _correct(answered, query),
    }


async def _correct(answered: Answered, query: Query) -> str:
    try:
        async with asyncio.timeout(CORRECTION_SECONDS):
            return await correct(answered.engine, query)
    except (Unavailable, TimeoutError):
        return ""


def _hit(context: Context, document: Document, query: Query) -> dict[str, Any]:
    return {
        "registry": document.registry,
        "repository": document.repository,
        "project": document.project,
        "description": document.description,
        "tags": list(document.tags[:SHOWN_TAGS]),
        "platforms": list(document.platforms),
        "tag_count": document.tag_count,
        "downloads_30d": document.downloads_30d,
        "pushed_at": document.pushed_at,
        "pulled_at": document.pulled_at,
        "title": document.title,
        "size_bytes": document.size_bytes,
        "stars": document.stars,
        "signed": document.signed,
        "official": context.is_official(document.registry, document.project),
        "labels": list(document.labels),
        "highlights": [
            {"field": field, "pieces": [{"text": text, "matched": matched} for text, matched in pieces]}
            for field, pieces in highlight(document, query).items()
        ],
        "matched_tags": [],
        "matched_digest": "",
    }
