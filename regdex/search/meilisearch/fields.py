"""What a document is in Meilisearch: words made by us, values to filter and sort by, and the document itself, packed.

`LAYOUT` has to be raised when anything here or in `layout` changes: indexes are then rebuilt.
"""

from collections.abc import Iterable
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from operator import attrgetter
from typing import Any

import orjson

from regdex.search import SHOWN_TAGS, Document, matching, tokens
from regdex.search.meilisearch import names, values, words
from regdex.search.ranking import heat

# Numbers are doubles there: whole ones are exact up to here.
LARGEST_NUMBER = 2**53
LONGEST_DESCRIPTION = 2000
LONGEST_LABEL = 200
MOST_LABELS = 64
MOST_WORDS = 500
NUMBERS = ("pushed_at", "pulled_at", "downloads_30d", "size_bytes", "stars")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_TUPLES = frozenset(("labels", "tags", "platforms", "artifact_types", "media_types"))
_TIMES = frozenset(("pushed_at", "pulled_at"))
_NAMES = tuple(field.name for field in fields(Document))
_values_of = attrgetter(*_NAMES)


def make_fields(document: Document, facet_labels: tuple[str, ...] = ()) -> dict[str, Any]:
    """The document as it is sent. A word is in one of the fields of words only, the one in which it counts most."""
    name = names.split(document.repository)
    last = tokens.flatten(name.last)
    parent = _without(tokens.flatten(name.parent), last)
    whole, before = tokens.join(name.last), tokens.join(name.parent)
    joined = _without(_joined(name, before + whole), [whole, *last, *parent])
    more = _without(_more(document), [*last, *parent])
    last_words, last_strict = words.part(last)
    name_words, name_strict = words.part([*parent, *(word for word in joined if words.is_strict(word))])
    more_words, more_strict = words.part(more)
    return {
        "id": document.id,
        "any": words.ANY,
        "whole": "" if words.is_strict(whole) else whole,
        "last_words": last_words,
        "last_strict": last_strict,
        "name_words": name_words,
        "name_strict": name_strict,
        "joined": " ".join(word for word in joined if not words.is_strict(word)),
        "more": more_words,
        "more_strict": more_strict,
        "keys": list(names.keys_of(name)),
        "last": whole,
        "parent": before,
        "grams": names.grams_of(document.registry, document.repository, before + whole),
        "heat": round(heat(document), 2),
        "project_id": document.project_id,
        "repository": document.repository,
        **values.make_fields(document),
        "signed": document.signed,
        **{name: _number(matching.number_of(document, name)) for name in NUMBERS},
        **values.make_label_fields(document, facet_labels),
        "stored": pack(document),
        "tags": orjson.dumps(document.tags).decode(),
    }


def pack(document: Document) -> str:
    """The document as text, with the tags that are shown: the engine hands it back as it is."""
    parts = [
        (value - _EPOCH) // _MICROSECOND if isinstance(value, datetime) else value for value in _values_of(document)
    ]
    parts[_NAMES.index("tags")] = document.tags[:SHOWN_TAGS]
    return orjson.dumps(parts).decode()


def unpack(stored: str, tags: str | None = None) -> Document:
    """What `pack` made; `tags` are all of them, where they were asked for."""
    parts = dict(zip(_NAMES, orjson.loads(stored), strict=True))
    if tags is not None:
        parts["tags"] = orjson.loads(tags)
    for field in _TUPLES:
        parts[field] = tuple(parts[field])
    for field in _TIMES:
        if parts[field] is not None:
            parts[field] = _EPOCH + parts[field] * _MICROSECOND
    return Document(**parts)


def _joined(name: names.Name, whole: str) -> list[str]:
    """Neighbours without what stands between them, and the name: separators are easily forgotten."""
    texts = [word.text for word in (*name.parent, *name.last)]
    return [*dict.fromkeys(one + other for one, other in pairwise(texts)), whole]


def _more(document: Document) -> list[str]:
    """Words from everything but the name, which count less."""
    found = dict.fromkeys(_words_of(document.registry))
    for text in (*document.tags, *document.platforms, *document.media_types, *document.artifact_types):
        found.update(dict.fromkeys(_words_of(text)))
    texts = [document.title[:LONGEST_LABEL], document.description[:LONGEST_DESCRIPTION]]
    texts += [label[:LONGEST_LABEL] for label in document.labels[:MOST_LABELS]]
    for text in texts:
        if text:
            found.update(dict.fromkeys(tokens.flatten(tokens.split(text, limit=MOST_WORDS))))
            found.update(dict.fromkeys(tokens.pinyin(text)))
    return list(found)


@lru_cache(maxsize=20_000)
def _words_of(text: str) -> tuple[str, ...]:
    found = tokens.flatten(tokens.split(text[:LONGEST_LABEL]))
    return tuple(dict.fromkeys(part for word in found for part in words.beginnings(word)))


def _without(found: Iterable[str], taken: Iterable[str]) -> list[str]:
    left = dict.fromkeys(found)
    for word in taken:
        left.pop(word, None)
    return list(left)


def _number(value: int | None) -> int | None:
    return None if value is None else max(min(value, LARGEST_NUMBER), -LARGEST_NUMBER)
