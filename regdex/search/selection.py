"""Applies a query to documents in memory: conditions, order, facets and page, but not the words.

It is used for the few documents that PostgreSQL finds by a name or a digest, and by tests as the model of an engine.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from regdex.search import Document, FacetValue, Found, Query
from regdex.search.language.query import LABEL_FACET, MAX_FACET_VALUES, Sort
from regdex.search.matching import matches, number_of, texts_of

_NUMBERS: dict[Sort, str] = {
    "pushed": "pushed_at",
    "pulled": "pulled_at",
    "downloads": "downloads_30d",
    "size": "size_bytes",
    "stars": "stars",
}


def select(documents: Iterable[Document], query: Query) -> Found:
    """Return the page of `query`. `documents` match its words, best first; equal ones keep this order."""
    found = sort([document for document in documents if matches(document, query)], query.sort)
    end = query.offset + query.limit
    return Found(
        found[query.offset : end],
        len(found),
        end if end < len(found) else None,
        {facet: count_values(found, facet) for facet in query.facets},
    )


def sort(documents: Sequence[Document], order: Sort) -> list[Document]:
    """Sort by name and registry, or newest or largest first with missing values last; relevance keeps the order."""
    if order == "name":
        return sorted(documents, key=lambda document: (document.repository, document.registry))
    if order == "relevance":
        return list(documents)
    field = _NUMBERS[order]

    def number(document: Document) -> int:
        found = number_of(document, field)
        return -1 if found is None else found

    return sorted(documents, key=number, reverse=True)


def count_values(documents: Iterable[Document], facet: str) -> list[FacetValue]:
    """Count the documents for each value of a facet: the most frequent first, then by value."""
    counts = Counter(value for document in documents for value in dict.fromkeys(values_of(document, facet)))
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [FacetValue(value, count) for value, count in ordered[:MAX_FACET_VALUES]]


def values_of(document: Document, facet: str) -> Sequence[str]:
    """Return the values of one document that a facet counts."""
    if facet == "signed":
        return ("true",) if document.signed else ("false",)
    if facet.startswith(LABEL_FACET):
        key = facet.removeprefix(LABEL_FACET) + "="
        return [label.removeprefix(key) for label in document.labels if label.startswith(key)]
    return texts_of(document, facet)
