"""Whether a document fits the conditions of a query: what `regdex.search.query` says, as code over one document.

The plain words are not looked at: what they forgive is each engine's. Used where an engine can only ask for more than
is meant, by the fallback, and by tests, which hold every engine against it.
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
    """Whether the document may be seen and fits all of the query but its plain words."""
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
    """Whether one filter holds."""
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
    """The number that a NumberFilter compares: times in microseconds since 1970, None where never seen."""
    value: int | datetime | None = getattr(document, field)
    return to_micros(value) if isinstance(value, datetime) else value


def texts_of(document: Document, field: str) -> Sequence[str]:
    """The values that a TextFilter compares."""
    if field == "media_type":
        return (*document.media_types, *document.artifact_types)
    value: str | Sequence[str] = getattr(document, _FIELDS.get(field, field))
    return (value,) if isinstance(value, str) else value


def has_phrase(document: Document, phrase: str) -> bool:
    """Whether the words of the phrase follow each other in one of the texts; a phrase without words is in all."""
    wanted = tokens.sequence(phrase)
    return not wanted or any(_is_run(wanted, tokens.sequence(text)) for text in phrase_texts(document))


def phrase_texts(document: Document) -> Iterator[str]:
    """The texts that phrases are looked for in, each for itself."""
    yield document.repository
    yield document.title
    yield document.description
    yield from document.labels
    yield from document.tags


def fits_wildcard(document: Document, pattern: str) -> bool:
    """Whether a glob is a whole word of the name, its last segment, the name, or registry and name."""
    expression = compile_pattern(Pattern(tokens.fold(pattern), is_glob=True))
    return any(expression.fullmatch(text) for text in wildcard_texts(document))


def wildcard_texts(document: Document) -> Iterator[str]:
    """The texts that wildcards are held against."""
    name = document.repository
    yield name
    yield name.rpartition("/")[2]
    yield f"{document.registry}/{name}"
    yield from tokens.flatten(tokens.split(name))


@lru_cache(maxsize=1024)
def compile_pattern(pattern: Pattern) -> re.Pattern[str]:
    """For `fullmatch`; upper and lower case are equal."""
    if pattern.is_glob:
        return to_expression(pattern.text, flags=re.IGNORECASE)
    return re.compile(re.escape(pattern.text), re.IGNORECASE | re.DOTALL)


def _is_run(wanted: Sequence[str], words: Sequence[str]) -> bool:
    length = len(wanted)
    return any(list(words[at : at + length]) == list(wanted) for at in range(len(words) - length + 1))
