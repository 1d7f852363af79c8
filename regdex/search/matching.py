"""Checks one document against the conditions of a query, as `regdex.search.language.query` defines them.

The plain words are not checked: approximate matching is left to each engine. The checks are used where an engine can
only find more than the query means, by the fallback, and by tests, which compare every engine with them.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import lru_cache

from regdex.glob import to_expression
from regdex.search import Document, tokens
from regdex.search.language.query import Filter, NumberFilter, Pattern, Query, SignedFilter, TextFilter
from regdex.times import to_micros

_FIELDS = {"tag": "tags", "label": "labels", "platform": "platforms"}


def matches(document: Document, query: Query) -> bool:
    """Return whether the caller may see the document and it matches the query, except its plain words."""
    if query.project_ids is not None and document.project_id not in query.project_ids:
        return False
    return (
        all(holds(document, condition) for condition in query.filters)
        and all(has_phrase(document, phrase) for phrase in query.phrases)
        and all(fits_wildcard(document, pattern) for pattern in query.wildcards)
        and not any(has_phrase(document, phrase) for phrase in query.without_phrases)
        and not any(fits_wildcard(document, pattern) for pattern in query.without_wildcards)
    )


def holds(document: Document, condition: Filter) -> bool:
    """Return whether the document matches one filter."""
    match condition:
        case SignedFilter(is_signed):
            return document.signed == is_signed
        case NumberFilter(field, ranges, is_negated):
            number = number_of(document, field)
            inside = number is not None and any(
                (low is None or number >= low) and (high is None or number < high) for low, high in ranges
            )
            return inside != is_negated
        case TextFilter(field, patterns, is_negated):
            expressions = [compile_pattern(pattern) for pattern in patterns]
            found = any(
                expression.fullmatch(value) for value in texts_of(document, field) for expression in expressions
            )
            return found != is_negated


def number_of(document: Document, field: str) -> int | None:
    """Return the number that a NumberFilter compares; times are microseconds since 1970, None means never."""
    value: int | datetime | None = getattr(document, field)
    return to_micros(value) if isinstance(value, datetime) else value


def texts_of(document: Document, field: str) -> Sequence[str]:
    """Return the values that a TextFilter compares."""
    if field == "media_type":
        return (*document.media_types, *document.artifact_types)
    value: str | Sequence[str] = getattr(document, _FIELDS.get(field, field))
    return (value,) if isinstance(value, str) else value


def has_phrase(document: Document, phrase: str) -> bool:
    """Return whether one text contains the words of the phrase in a row. A phrase without words always matches."""
    wanted = tokens.sequence(phrase)
    return not wanted or any(_is_run(wanted, tokens.sequence(text)) for text in phrase_texts(document))


def phrase_texts(document: Document) -> Iterator[str]:
    """Yield the texts that phrases are searched in, one by one."""
    yield document.repository
    yield document.title
    yield document.description
    yield from document.labels
    yield from document.tags


def fits_wildcard(document: Document, pattern: str) -> bool:
    """Return whether a glob matches a whole word of the name, its last segment, the name, or registry and name."""
    expression = compile_pattern(Pattern(tokens.fold(pattern), is_glob=True))
    return any(expression.fullmatch(text) for text in wildcard_texts(document))


def wildcard_texts(document: Document) -> Iterator[str]:
    """Yield the texts that wildcards are compared with."""
    name = document.repository
    yield name
    yield name.rpartition("/")[2]
    yield f"{document.registry}/{name}"
    yield from tokens.flatten(tokens.split(name))


@lru_cache(maxsize=1024)
def compile_pattern(pattern: Pattern) -> re.Pattern[str]:
    """Compile a pattern for `fullmatch`, ignoring case."""
    if pattern.is_glob:
        return to_expression(pattern.text, flags=re.IGNORECASE)
    return re.compile(re.escape(pattern.text), re.IGNORECASE | re.DOTALL)


def _is_run(wanted: Sequence[str], words: Sequence[str]) -> bool:
    length = len(wanted)
    return any(list(words[at : at + length]) == list(wanted) for at in range(len(words) - length + 1))
