"""What a search becomes: one request, in which several queries of the same index are merged.

The main query has every word: found whole, as a beginning, joined, or misspelt. Beside it run queries for what a name
is worth: that it is the very name, that its last segment is, that this begins so, that it has the text inside. These
are filters only, and cost next to nothing. Of a document that several find, the best place counts.

Weights part them: a query of a filter scores 1, and the main one between 0 and 1.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from regdex.search import Query, tokens
from regdex.search.meilisearch import names, words
from regdex.search.meilisearch.conditions import Conditions, quote
from regdex.search.meilisearch.values import field_of_facet, fold

MOST_WORDS = 10
SHORTEST_BEGINNING = 2
SHORTEST_INSIDE = 3
MOST_GRAMS = 24

SAME_NAME, SAME_LAST, JOINED, BEGINNING, MAIN, PARTS, INSIDE = 32.0, 16.0, 8.0, 4.0, 1.0, 0.75, 0.64

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
    """The words of a query, as typed and as the engine gets them."""

    text: str
    words: list[tokens.Word]
    name: names.Name
    phrases: list[str]

    @property
    def has_slash(self) -> bool:
        return "/" in self.text

    @property
    def is_void(self) -> bool:
        """Something was asked for, but no word is in it: nothing can match."""
        return bool(self.text.strip()) and not self.words


def read_words(query: Query) -> Asked:
    found = tokens.split(query.text, limit=MOST_WORDS)
    phrases = [token for phrase in query.phrases for token in tokens.sequence(phrase)]
    return Asked(query.text, found, names.split(query.text), list(dict.fromkeys(phrases)))


def make_request(
    query: Query, asked: Asked, conditions: Conditions, uid: str, *, offset: int, limit: int
) -> dict[str, Any]:
    """The body of `POST /multi-search`."""
    sort = _SORTS[query.sort]
    main = _search_text(asked)
    attributes = ["stored", "tags"] if conditions.needs_tags and not conditions.is_exact else ["stored"]

    def part(q: str, filters: list[str], weight: float) -> dict[str, Any]:
        made: dict[str, Any] = {
            "indexUid": uid,
            "q": q,
            "filter": [*conditions.expressions, *filters],
            "matchingStrategy": "all",
            "attributesToRetrieve": attributes,
            "federationOptions": {"weight": weight},
        }
        if sort:
            made["sort"] = sort
        return made

    parts = [part(main, [], MAIN)]
    if asked.words and not asked.phrases and not conditions.are_long:
        parts += [part(words.ANY, [condition], weight) for condition, weight in _bonuses(asked)]
        if any(word.parts for word in asked.words):
            parts.append(part(_parts_text(asked), [], PARTS))
        if len(tokens.join(asked.words)) >= SHORTEST_INSIDE:
            parts.append(part(words.ANY, [_inside(asked)], INSIDE))
    federation: dict[str, Any] = {"offset": offset, "limit": limit}
    if query.facets:
        federation["facetsByIndex"] = {uid: [field_of_facet(facet) for facet in query.facets]}
    return {"queries": parts, "federation": federation}


def _search_text(asked: Asked) -> str:
    """Words of phrases in quotes: exactly so. Then the words; of the last the beginning is enough."""
    quoted = [f'"{words.encode(token)}"' for token in asked.phrases]
    return " ".join([*quoted, *(words.encode(word.text) for word in asked.words)])


def _inside(asked: Asked) -> str:
    found = list(dict.fromkeys(names.grams(tokens.join(asked.words))))[:MOST_GRAMS]
    return " AND ".join(f"grams = {quote(gram)}" for gram in found)


def _parts_text(asked: Asked) -> str:
    return " ".join(token for word in asked.words for token in map(words.encode, word.parts or (word.text,)))


def _bonuses(asked: Asked) -> list[tuple[str, float]]:
    """Filters, with what they are worth."""
    readings = _readings(asked)
    last = asked.name.last if asked.has_slash else asked.words
    joined_last = tokens.join(last)
    bonuses = [
        (" OR ".join(_keys(registry, map(names.same, found)) for registry, found in readings), SAME_NAME),
        (_keys("", [names.same_last(last)]), SAME_LAST),
        (
            " OR ".join(
                [
                    f"last = {quote(joined_last)}",
                    _keys("", [names.any_order(asked.words)]),
                    *(_keys(registry, map(names.joined, found)) for registry, found in readings),
                ]
            ),
            JOINED,
        ),
    ]
    if len(joined_last) >= SHORTEST_BEGINNING:
        beginning = f"last STARTS WITH {quote(joined_last)}"
        if asked.has_slash and asked.name.parent:
            beginning += f" AND parent = {quote(tokens.join(asked.name.parent))}"
        bonuses.append((beginning, BEGINNING))
    return bonuses


def _keys(registry: str, keys: Iterable[str]) -> str:
    """That the name is any of these, in a registry where one is said."""
    any_of = f"keys IN [{', '.join(map(quote, keys))}]"
    return f"(registry = {quote(fold(registry))} AND {any_of})" if registry else any_of


def _readings(asked: Asked) -> list[tuple[str, list[names.Name]]]:
    """Names that may have been meant, by the registry before them, which may be none.

    Without a slash the words may be cut anywhere; with one, what is before the first may be a registry.
    """
    if not asked.has_slash:
        return [("", [names.Name(asked.words[:at], asked.words[at:]) for at in range(len(asked.words))])]
    registry, _, rest = asked.text.strip().partition("/")
    return [("", [asked.name]), *([(registry, [names.split(rest)])] if registry else [])]
