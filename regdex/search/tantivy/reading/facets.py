"""Counts the found documents by value, over columns of values with their case."""

from typing import Any

import tantivy

from regdex.search import FacetValue
from regdex.search.language.query import LABEL_FACET, MAX_FACET_VALUES
from regdex.search.tantivy.parts import Part
from regdex.search.tantivy.reading.globs import to_expression

# Counts of the most frequent values are exact unless a segment of the index has more distinct values than this.
MAX_COUNTED = 65_000


def count_values(searcher: tantivy.Searcher, part: Part, facets: tuple[str, ...]) -> dict[str, list[FacetValue]]:
    """Return the counts by facet, the most frequent values first, equally frequent ones by value."""
    answer: dict[str, Any] = searcher.aggregate(part, {facet: {"terms": _terms(facet)} for facet in facets})
    return {facet: _values(facet, answer[facet]["buckets"]) for facet in facets}


def _terms(facet: str) -> dict[str, Any]:
    wanted: dict[str, Any] = {"size": MAX_FACET_VALUES, "segment_size": MAX_COUNTED}
    if facet == "signed":
        return {"field": facet, **wanted}
    if facet.startswith(LABEL_FACET):
        key = facet.removeprefix(LABEL_FACET)
        return {"field": "label_value", "include": f"{to_expression(f'{key}=', is_ascii=True)}(?s:.*)", **wanted}
    return {"field": f"{facet}_value", **wanted}


def _values(facet: str, buckets: list[dict[str, Any]]) -> list[FacetValue]:
    if facet == "signed":
        return [FacetValue(bucket["key_as_string"], int(bucket["doc_count"])) for bucket in buckets]
    start = len(facet) - len(LABEL_FACET) + 1 if facet.startswith(LABEL_FACET) else 0
    return [FacetValue(bucket["key"][start:], int(bucket["doc_count"])) for bucket in buckets]
