"""Converts a search to requests: a first one, and a wider one if the first finds little.

In the first, every word must match: as a whole word, as a beginning, or with a typo. The field and the kind of match
give the order. The second merges this with other readings of the text: with letters and digits apart (`node20` is
`node` and `20`), and as letters inside of the name; if nothing was found, also as one word, and with two typos.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

from regdex.search import Document, Query, tokens
from regdex.search.language.query import MAX_WORDS
from regdex.search.meilisearch import names, words
from regdex.search.meilisearch.reading.conditions import Conditions
from regdex.search.meilisearch.values import field_of_facet

ENOUGH = 20  # with fewer hits than this a search may be widened
MIN_INSIDE_LENGTH = 3
MIN_LOOSE_LENGTH = 4

# The weight of the best hit of each reading. Within a reading, a hit with one of two typos has two thirds of it.
MAIN, LOOSE, PARTS, INSIDE = 1.0, 0.95, 0.95, 0.64

_SORTS = {
    "relevance": [],
    "name": ["repository:asc", "registry:asc"],
    "pushed": ["pushed_at:desc"],
    "pulled": ["pulled_at:desc"],
    "downloads": ["downloads_30d:desc"],
    "size": ["size_bytes:desc"],
    "stars": ["stars:desc"],
}


@dataclass(frozen=True, slots=True)
class Asked:
    """The words of a query, as typed and as split for the engine."""

    text: str
    words: list[tokens.Word]
    phrases: list[str]

    @property
    def is_void(self) -> bool:
        """Return whether text was typed but contains no word, so that nothing can match."""
        return bool(self.text.strip()) and not self.words


class Reading(NamedTuple):
    """A text for the engine, and its weight."""

    text: str
    weight: float


def read_words(query: Query) -> Asked:
    found = tokens.split(query.text, limit=MAX_WORDS)
    phrases = [token for phrase in query.phrases for token in tokens.sequence(phrase)]
    return Asked(query.text, found, list(dict.fromkeys(phrases)))


def make_request(query: Query, asked: Asked, conditions: Conditions, *, offset: int, limit: int) -> dict[str, Any]:
    """Return the body of `POST /indexes/{uid}/search`."""
    request = {**_request(query, conditions, _main(asked, conditions)), "offset": offset, "limit": limit}
    if query.facets:
        request["facets"] = [field_of_facet(facet) for facet in query.facets]
    return request


def make_far_request(
    query: Query, asked: Asked, conditions: Conditions, uid: str, *, offset: int, limit: int, is_last: bool
) -> dict[str, Any]:
    """Return the body of `POST /multi-search`. `is_last` means that the first request found nothing."""
    federation: dict[str, Any] = {"offset": offset, "limit": limit}
    if query.facets:
        federation["facetsByIndex"] = {uid: [field_of_facet(facet) for facet in query.facets]}
    first = _loose_readings(asked) if is_last else [_main(asked, conditions)]
    requests = [
        {**_request(query, conditions, reading), "indexUid": uid, "federationOptions": {"weight": reading.weight}}
        for reading in (*first, *_other_readings(asked))
    ]
    return {"queries": requests, "federation": federation}


def is_enough(asked: Asked, conditions: Conditions, total: int, first: Document | None) -> bool:
    """Return whether the wider request is unnecessary: there are many hits, or the best one has the typed words."""
    if total >= ENOUGH or asked.phrases or conditions.words or not _other_readings(asked):
        return True
    return first is not None and _has_words(first, asked)


def _has_words(document: Document, asked: Asked) -> bool:
    """Return whether the name has the words as typed; of the last word, the beginning suffices."""
    there = tokens.flatten(tokens.split(document.repository))
    *whole, last = [word.text for word in asked.words]
    return set(whole).issubset(there) and any(word.startswith(last) for word in there)


def _request(query: Query, conditions: Conditions, reading: Reading) -> dict[str, Any]:
    request: dict[str, Any] = {
        "q": reading.text,
        "filter": conditions.expressions,
        "matchingStrategy": "all",
        "attributesToRetrieve": ["stored", "tags"] if conditions.needs_tags and not conditions.is_exact else ["stored"],
    }
    if sort := _SORTS[query.sort]:
        request["sort"] = sort
    return request


def _main(asked: Asked, conditions: Conditions) -> Reading:
    """Return exact words in quotes, then the other words. Of the last word, the beginning suffices."""
    exact = [*map(words.encode, asked.phrases), *conditions.words][: MAX_WORDS - len(asked.words)]
    text = " ".join([*(f'"{word}"' for word in exact), *(words.encode(word.text) for word in asked.words)])
    return Reading(text, MAIN)


def _loose_readings(asked: Asked) -> list[Reading]:
    joined = tokens.join(asked.words)
    typed = [word.text for word in asked.words]
    readings = [
        Reading(" ".join([*map(words.loose, found), words.END]), LOOSE)
        for found in ([joined], typed)
        if len(joined) >= MIN_LOOSE_LENGTH and not any(map(words.is_strict, found[1:]))
    ]
    return list(dict.fromkeys(readings))


def _other_readings(asked: Asked) -> list[Reading]:
    readings = []
    if any(word.parts for word in asked.words):
        parts = [part for word in asked.words for part in word.parts or (word.text,)]
        readings.append(Reading(words.text(parts), PARTS))
    if len(joined := tokens.join(asked.words)) >= MIN_INSIDE_LENGTH:
        readings.append(Reading(_inside(joined), INSIDE))
    return readings


def _inside(joined: str) -> str:
    """Return grams from the whole text, as many as the engine uses words."""
    found = list(dict.fromkeys(names.grams(joined)))
    step = -(-len(found) // MAX_WORDS)
    return " ".join(f'"{words.gram(gram)}"' for gram in found[::step])
