"""Reads the facet counts in the engine's responses."""

from typing import Any

from regdex.search import FacetValue
from regdex.search.language.query import MAX_FACET_VALUES
from regdex.search.meilisearch.values import field_of_facet, unescape


def read_facets(facets: tuple[str, ...], distribution: dict[str, dict[str, int]]) -> dict[str, list[FacetValue]]:
    """Return the counts by facet, the most frequent values first, equally frequent ones by value."""
    return {facet: _read(facet, distribution.get(field_of_facet(facet), {})) for facet in facets}


def _read(facet: str, counts: dict[str, int]) -> list[FacetValue]:
    values = [FacetValue(value if facet == "signed" else unescape(value), count) for value, count in counts.items()]
    return sorted(values, key=lambda value: (-value.count, value.value))[:MAX_FACET_VALUES]


def distribution_of(answer: dict[str, Any], uid: str) -> dict[str, dict[str, int]]:
    """Return the counts of a response to one search or to a multi-search."""
    merged = answer.get("facetsByIndex", {}).get(uid, {}).get("distribution", {})
    found: dict[str, dict[str, int]] = answer.get("facetDistribution") or merged
    return found
