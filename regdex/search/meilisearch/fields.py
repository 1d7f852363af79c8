"""Converts documents to Meilisearch's fields: words, values to filter and sort by, and the packed document itself.

Raise `layout.LAYOUT` when anything here or in `layout` changes, so that indexes are rebuilt.
"""

from collections.abc import Iterable
from dataclasses import fields
from datetime import datetime
from functools import lru_cache
from operator import attrgetter
from typing import Any

import orjson

from regdex.search import SHOWN_TAGS, Document, matching, tokens
from regdex.search.meilisearch import names, values, words
from regdex.search.ranking import heat
from regdex.times import from_micros, to_micros

# Meilisearch stores numbers as doubles: integers are exact up to this limit.
MAX_NUMBER = 2**53
MAX_DESCRIPTION_LENGTH = 2000
MAX_LABEL_LENGTH = 200
MAX_LABELS = 64
MAX_WORDS = 500
NUMBERS = ("pushed_at", "pulled_at", "downloads_30d", "size_bytes", "stars")

_TUPLES = frozenset(("labels", "tags", "platforms", "artifact_types", "media_types"))
_TIMES = frozenset(("pushed_at", "pulled_at"))
_NAMES = tuple(field.name for field in fields(Document))
_values_of = attrgetter(*_NAMES)


def make_fields(document: Document, facet_labels: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the fields of a document.

    For `corp/payments/payment-gateway20`, `last` has the words payment and gateway20, `first` the first of them, `name`
    all four words, `parts` gateway and 20. `only` has the last segment if it is one word, as in `corp/redis`; `alone`
    has it if there is also no path, as in `redis`. `more` has the words of all other texts. `loose` and `grams` are
    for wider searches.
    """
    parent, last = names.split(document.repository)
    name = list(dict.fromkeys(word.text for word in (*parent, *last)))
    parts = _without([*tokens.flatten((*parent, *last)), *names.joined_pairs((*parent, *last))], name)
    return {
        key: value
        for key, value in {
            "id": document.id,
            "alone": words.encode(last[0].text) if len(last) == 1 and not parent else "",
            "only": words.encode(last[0].text) if len(last) == 1 else "",
            "first": f"{words.encode(last[0].text)} {words.END}" if last else "",
            "last": words.text(word.text for word in last),
            "name": words.text(name),
            "parts": words.text(parts),
            "more": words.text(_without(_more(document), [*name, *parts])),
            "loose": _loose(tokens.join(last), name),
            "grams": " ".join(map(words.gram, names.grams_of(document.registry, document.repository))),
            "heat": round(heat(document), 2),
            "project_id": document.project_id,
            "repository": document.repository,
            **values.make_fields(document),
            "signed": document.signed,
            **{name: _number(matching.number_of(document, name)) for name in NUMBERS},
            **values.make_label_fields(document, facet_labels),
            "stored": pack(document),
            "tags": orjson.dumps(document.tags).decode(),
        }.items()
        if value not in ("", [], None)
    }


def pack(document: Document) -> str:
    """Return the document as text, with the tags that are shown. The engine returns this text unchanged."""
    parts = [to_micros(value) if isinstance(value, datetime) else value for value in _values_of(document)]
    parts[_NAMES.index("tags")] = document.tags[:SHOWN_TAGS]
    return orjson.dumps(parts).decode()


def unpack(stored: str, tags: str | None = None) -> Document:
    """Return the document that `pack` packed. `tags` has all its tags, if they were requested."""
    parts = dict(zip(_NAMES, orjson.loads(stored), strict=True))
    if tags is not None:
        parts["tags"] = orjson.loads(tags)
    for field in _TUPLES:
        parts[field] = tuple(parts[field])
    for field in _TIMES:
        if parts[field] is not None:
            parts[field] = from_micros(parts[field])
    return Document(**parts)


def _loose(joined: str, name: list[str]) -> str:
    """Return the last segment without separators, and the words in which typos are accepted."""
    found = dict.fromkeys([joined, *(word for word in name if not words.is_strict(word))])
    return " ".join([*(words.loose(word) for word in found if word), words.END])


def _more(document: Document) -> list[str]:
    """Return the words of all texts except the name. They count less."""
    found = dict.fromkeys(_words_of(document.registry))
    for text in (*document.tags, *document.platforms, *document.media_types, *document.artifact_types):
        found.update(dict.fromkeys(_words_of(text)))
    for text in (document.title[:MAX_LABEL_LENGTH], document.description[:MAX_DESCRIPTION_LENGTH]):
        found.update(dict.fromkeys(_words_and_sounds(text)))
    for text in document.labels[:MAX_LABELS]:
        found.update(dict.fromkeys(_of_label(text[:MAX_LABEL_LENGTH])))
    return list(found)


def _words_and_sounds(text: str) -> list[str]:
    return [*tokens.flatten(tokens.split(text, limit=MAX_WORDS)), *tokens.pinyin(text)] if text else []


@lru_cache(maxsize=20_000)
def _of_label(text: str) -> tuple[str, ...]:
    return tuple(_words_and_sounds(text))


@lru_cache(maxsize=20_000)
def _words_of(text: str) -> tuple[str, ...]:
    found = tokens.flatten(tokens.split(text[:MAX_LABEL_LENGTH]))
    return tuple(dict.fromkeys(part for word in found for part in words.beginnings(word)))


def _without(found: Iterable[str], taken: Iterable[str]) -> list[str]:
    left = dict.fromkeys(found)
    for word in taken:
        left.pop(word, None)
    return list(left)


def _number(value: int | None) -> int | None:
    return None if value is None else max(min(value, MAX_NUMBER), -MAX_NUMBER)
