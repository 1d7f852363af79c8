"""The settings of a Meilisearch index, which define the use of each field."""

from typing import Any

from regdex.search.meilisearch.fields import NUMBERS
from regdex.search.meilisearch.values import COUNTED, FILTERED, WITH_TAILS, field_of_label, tail_of, without_case

# Part of an index's pointer. Raise it when this file, `fields` or `words` change, so that indexes are rebuilt.
LAYOUT = 2

MAX_HITS = 5000
# More than are shown, because Regdex itself orders equally frequent values.
MAX_COUNTED = 300
CUTOFF_MS = 1000
FILTERS = (
    *COUNTED,
    *(without_case(field) for field in COUNTED),
    *FILTERED,
    *map(tail_of, WITH_TAILS),
    "signed",
)
# Fields of words, ordered by weight. Nobody types the words of the first two: they have requests of their own.
SEARCHED = ("loose", "grams", "alone", "only", "first", "last", "name", "parts", "more")


def index_settings(facet_labels: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the settings in the form in which the engine returns them, so that they can be compared.

    Settings not named here keep their defaults. Words come from Regdex: no stop words, synonyms or locales, and typos
    only in words of letters. The distance between words is not indexed (`byAttribute`), which doubles indexing speed.
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
    """Return the settings that have to be changed; empty if there are none."""
    return {name: value for name, value in wanted.items() if found.get(name) != value}


def _filterable(fields: list[str], *, comparison: bool) -> dict[str, Any]:
    return {
        "attributePatterns": sorted(fields),
        "features": {"facetSearch": False, "filter": {"equality": True, "comparison": comparison}},
    }
