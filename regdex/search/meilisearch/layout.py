"""The settings of an index: which field is for what. Whatever differs from them was changed by somebody else."""

from typing import Any

from regdex.search.meilisearch.fields import NUMBERS
from regdex.search.meilisearch.values import COUNTED, FILTERED, WITH_TAILS, field_of_label, tail_of, without_case

# Part of an index's pointer. Raise it when this file, `fields` or `words` change: indexes are then rebuilt.
LAYOUT = 2

MAX_HITS = 5000
# More than are shown: which of equally frequent values come first is for us to say.
MAX_COUNTED = 300
CUTOFF_MS = 1000
FILTERS = (
    *COUNTED,
    *(without_case(field) for field in COUNTED),
    *FILTERED,
    *map(tail_of, WITH_TAILS),
    "signed",
)
# Fields of words, the ones that count most first. What the first two hold nobody types: they are asked for apart.
SEARCHED = ("loose", "grams", "alone", "only", "first", "last", "name", "parts", "more")


def index_settings(facet_labels: tuple[str, ...] = ()) -> dict[str, Any]:
    """As the engine shows them, so that a comparison is a comparison. What is not named here is left at its default.

    Words are ours: no stop words, no synonyms, no locales, and typos only in words of letters. What is near to what is
    not looked at (`byAttribute`), which makes indexing twice as fast.
    """
    equal = [*FILTERS, *(field_of_label(key) for key in facet_labels)]
    return {
        "searchableAttributes": list(SEARCHED),
        "displayedAttributes": ["id", "stored", "tags"],
        "filterableAttributes": [
            _filterable(equal, comparison=False),
            _filterable(["project_id", *NUMBERS], comparison=True),
        ],
        "sortableAttributes": sorted(("repository", "registry", *NUMBERS)),
        "rankingRules": ["sort", "words", "typo", "attributeRank", "exactness", "heat:desc"],
        "typoTolerance": {
            "enabled": True,
            "minWordSizeForTypos": {"oneTypo": 4, "twoTypos": 7},
            "disableOnWords": [],
            "disableOnAttributes": [],
            "disableOnNumbers": True,
        },
        "faceting": {"maxValuesPerFacet": MAX_COUNTED, "sortFacetValuesBy": {"*": "count"}},
        "pagination": {"maxTotalHits": MAX_HITS},
        "proximityPrecision": "byAttribute",
        "facetSearch": False,
        "searchCutoffMs": CUTOFF_MS,
    }  # fmt: skip


def differences(wanted: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """The settings that are to be changed; empty when all are as they should be."""
    return {name: value for name, value in wanted.items() if found.get(name) != value}


def _filterable(fields: list[str], *, comparison: bool) -> dict[str, Any]:
    return {
        "attributePatterns": sorted(fields),
        "features": {"facetSearch": False, "filter": {"equality": True, "comparison": comparison}},
    }
