"""Use case of search: run a query and describe its hits."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from regdex.errors import InvalidArgument, Unavailable
from regdex.search import SHOWN_TAGS, Document, Found, Query
from regdex.search.highlights import Highlighter
from regdex.store.catalog.registries import get_watermark
from regdex.store.content.manifests import count_unread
from service.caller import Caller
from service.completeness import spoken_of
from service.context import Context
from service.models.search import SearchRepositoriesRequest
from service.paging import read_page
from service.searching.corrections import correct
from service.searching.engines import search
from service.searching.matched import find_digest, find_sightings, find_tags
from service.searching.queries import localize, read_query

DEFAULT_SIZE = 20
MAX_HITS = 1000
CORRECTION_SECONDS = 1.0


@dataclass(slots=True, kw_only=True)
class _Result:
    """The hits and their source. `digests` has the matched digest by repository id, if the query names a digest."""

    found: Found
    source: str
    degraded: bool = False
    lag_seconds: float = 0.0
    did_you_mean: str = ""
    digests: dict[int, str] = field(default_factory=dict)


async def search_repositories(context: Context, caller: Caller, request: SearchRepositoriesRequest) -> dict[str, Any]:
    """Search repositories by words, which may be misspelt, and by filters; best hits first."""
    page = read_page("SearchRepositories", caller, request, int, default=DEFAULT_SIZE)
    (offset,) = page.after or (0,)
    if not 0 <= offset < MAX_HITS:
        raise InvalidArgument(f"page_token: only the first {MAX_HITS} hits can be paged; ListRepositories lists all")
    query, digest = read_query(context, caller, request, offset=offset, limit=min(page.size, MAX_HITS - offset))
    (indexed_through, complete), result = await asyncio.gather(
        _read_watermark(context, caller, request, draws_on_content=bool(digest) or query.draws_on_content),
        _find(context, caller, query, digest),
    )
    found = result.found
    tags, sightings = await asyncio.gather(
        find_tags(context.db, found.documents, query), find_sightings(context.db, found.documents)
    )
    shown = Highlighter(query)
    has_more = found.next_offset is not None and found.next_offset < MAX_HITS
    return {
        "hits": [
            {
                **_hit(context, document, shown),
                "matched_tags": tags.get(document.id, []),
                "matched_digest": result.digests.get(document.id, ""),
                "pushed_before": sightings.get(document.id),
            }
            for document in found.documents
        ],
        "next_page_token": page.token((found.next_offset,)) if has_more else "",
        "total": found.total,
        "degraded": result.degraded,
        "source": result.source,
        "index_lag_seconds": result.lag_seconds,
        "indexed_through": indexed_through,
        "complete": complete,
        "facets": [
            {"field": name, "values": [{"value": v.value, "count": v.count} for v in found.facets.get(name, ())]}
            for name in query.facets
        ],
        "did_you_mean": result.did_you_mean,
    }


async def _read_watermark(
    context: Context, caller: Caller, request: SearchRepositoriesRequest, *, draws_on_content: bool
) -> tuple[datetime | None, bool]:
    """Return `indexed_through` and `complete`. Unread manifests make an answer that needs their content incomplete."""
    watermark = await get_watermark(context.db, request.registry, spoken_of(request))
    complete = watermark["complete"]
    if complete and draws_on_content:
        complete = not await count_unread(context.db, caller.projects, registry=request.registry)
    return watermark["indexed_through"], complete


async def _find(context: Context, caller: Caller, query: Query, digest: str) -> _Result:
    if digest:
        found, digests = await find_digest(context.db, caller, query, digest)
        if found.total or ":" in digest:
            return _Result(found=found, source="postgres", digests=digests)
    answered = await search(context, await localize(context.db, query))
    result = _Result(
        found=answered.found,
        source=answered.engine.name,
        degraded=answered.degraded,
        lag_seconds=answered.lag_seconds,
    )
    if not answered.found.documents and not answered.degraded:
        try:
            async with asyncio.timeout(CORRECTION_SECONDS):
                result.did_you_mean = await correct(answered.engine, query)
        except (Unavailable, TimeoutError):
            pass  # the answer is correct without a correction
    return result


def _hit(context: Context, document: Document, shown: Highlighter) -> dict[str, Any]:
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
            for field, pieces in shown.highlight(document).items()
        ],
    }
