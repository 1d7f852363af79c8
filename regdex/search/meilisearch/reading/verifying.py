"""Searches whose filter accepts more than the query means: the documents are checked one by one.

If all documents that the engine finds can be fetched, pages, total and counts are exact. Otherwise a page begins where
the previous one ended, and may be short; total and counts are estimates.
"""

import asyncio

from regdex.search import Document, Found, Query
from regdex.search.matching import matches
from regdex.search.meilisearch.layout import MAX_HITS
from regdex.search.meilisearch.reading.asking import Asking, Page
from regdex.search.meilisearch.reading.facets import read_facets
from regdex.search.selection import count_values

WINDOW = 500
MAX_WINDOWS = 3  # checked for one page, which may then be short


async def verify(asking: Asking, query: Query) -> Found:
    first = await asking.page(0, WINDOW)
    if first.total <= MAX_HITS:
        return await _all(asking, query, first)
    return await _some(asking, query)


async def _all(asking: Asking, query: Query, first: Page) -> Found:
    documents = first.documents
    if len(documents) < first.total:
        documents = documents + (await asking.page(len(documents), MAX_HITS - len(documents))).documents
    kept = [document for _, document in await _fitting(documents, query)]
    end = query.offset + query.limit
    return Found(
        kept[query.offset : end],
        len(kept),
        next_offset=end if end < len(kept) else None,
        facets={facet: count_values(kept, facet) for facet in query.facets},
    )


async def _some(asking: Asking, query: Query) -> Found:
    """Check window by window until the page is full. Estimate the total by the share of documents that match."""
    found: list[Document] = []
    seen = fitting = 0
    at = query.offset
    for _ in range(MAX_WINDOWS):
        page = await asking.page(at, min(WINDOW, MAX_HITS - at))
        start = at
        for place, document in await _fitting(page.documents, query):
            if len(found) < query.limit:
                found.append(document)
                at = start + place + 1
            fitting += 1
        seen += len(page.documents)
        if len(found) < query.limit:
            at = start + len(page.documents)
        if len(found) == query.limit or at >= min(page.total, MAX_HITS) or not page.documents:
            break
    return Found(
        found,
        max(round(page.total * fitting / max(seen, 1)), query.offset + len(found)),
        next_offset=at if at < min(page.total, MAX_HITS) else None,
        facets=read_facets(query.facets, page.facets),
    )


async def _fitting(documents: list[Document], query: Query) -> list[tuple[int, Document]]:
    """Return the matching documents with their positions. Runs in a thread, because it may take long."""
    return await asyncio.to_thread(
        lambda: [(at, document) for at, document in enumerate(documents) if matches(document, query)]
    )
