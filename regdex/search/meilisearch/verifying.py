"""Searches for which the engine can only be asked for more than is meant: its documents are looked at one by one.

Offsets are the engine's, so that a page begins where the one before it ended. Where all that it finds can be fetched,
total and counts are exact; else they are the engine's, which are too high.
"""

from regdex.search import Found, Query
from regdex.search.matching import matches
from regdex.search.meilisearch.asking import Asking, Page
from regdex.search.meilisearch.facets import read_facets
from regdex.search.meilisearch.layout import MOST_HITS
from regdex.search.selection import count_values

WINDOW = 500
MOST_WINDOWS = 3  # looked at for one page; it may then be short


async def verify(asking: Asking, query: Query) -> Found:
    first = await asking.page(0, WINDOW)
    if first.total <= MOST_HITS:
        return await _all(asking, query, first)
    return await _some(asking, query)


async def _all(asking: Asking, query: Query, first: Page) -> Found:
    documents = first.documents
    if len(documents) < first.total:
        documents = documents + (await asking.page(len(documents), MOST_HITS - len(documents))).documents
    kept = [(at, document) for at, document in enumerate(documents) if matches(document, query)]
    page = [(at, document) for at, document in kept if at >= query.offset][: query.limit]
    has_more = bool(page) and page[-1][0] != kept[-1][0]
    return Found(
        [document for _, document in page],
        len(kept),
        next_offset=page[-1][0] + 1 if has_more else None,
        facets={facet: count_values([document for _, document in kept], facet) for facet in query.facets},
    )


async def _some(asking: Asking, query: Query) -> Found:
    """Window by window until the page is full. A part of what the engine finds fits: so many in all, as it seems."""
    found, seen, fitting = [], 0, 0
    at = query.offset
    for _ in range(MOST_WINDOWS):
        page = await asking.page(at, min(WINDOW, MOST_HITS - at))
        for document in page.documents:
            at += 1
            seen += 1
            if matches(document, query):
                fitting += 1
                found.append(document)
                if len(found) == query.limit:
                    break
        if len(found) == query.limit or at >= min(page.total, MOST_HITS) or not page.documents:
            break
    return Found(
        found,
        max(round(page.total * fitting / max(seen, 1)), query.offset + len(found)),
        next_offset=at if at < min(page.total, MOST_HITS) else None,
        facets=read_facets(query.facets, page.facets),
    )
