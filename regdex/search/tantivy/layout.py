"""The fields of the Tantivy index, and how a document becomes them and comes back.

`TOKENS_VERSION` has to be raised when anything here changes: indexes are then rebuilt.
"""

import math
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from operator import attrgetter
from typing import Any

import orjson
import tantivy

from regdex.search import Document, tokens

NO_PARENT = "/"  # what `parent` holds for a repository without a slash: no word is like it

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_RANK_ORIGIN = datetime(2020, 1, 1, tzinfo=UTC)
_RANK_HALF_LIFE = timedelta(days=90)
_TUPLES = frozenset(("labels", "tags", "platforms", "artifact_types", "media_types"))
_TIMES = frozenset(("pushed_at", "pulled_at"))
_NAMES = tuple(field.name for field in fields(Document))
_values = attrgetter(*_NAMES)

LONGEST_DESCRIPTION = 2000
MOST_LABELS = 64
LONGEST_LABEL = 200
MOST_WORDS = 500


def make_schema() -> tantivy.Schema:
    """`id` is an integer field, signed: deletes by an unsigned one find nothing, and say nothing."""
    builder = tantivy.SchemaBuilder()
    builder.add_integer_field("id", indexed=True, fast=True)
    builder.add_integer_field("project_id", indexed=True)
    for name in ("registry", "project", "parent", "last", "first"):
        builder.add_text_field(name, tokenizer_name="raw", index_option="basic")
    for name in ("words", "more", "all"):  # of the name, of the rest, and of both
        builder.add_text_field(name, tokenizer_name="whitespace", index_option="basic")
    builder.add_float_field("rank", fast=True)
    builder.add_bytes_field("stored", stored=True)
    return builder.build()


def make_fields(document: Document) -> dict[str, Any]:
    """For `tantivy.Document.from_dict`."""
    name = tokens.split_name(document.repository)
    words = " ".join(name_words := tokens.flatten(name.words))
    more = " ".join(_more(document).difference(name_words))
    return {
        "id": document.id,
        "project_id": document.project_id,
        "registry": document.registry,
        "project": document.project,
        "parent": name.parent or NO_PARENT,
        "last": name.last,
        "first": name.first,
        "words": words,
        "more": more,
        "all": f"{words} {more} {name.last} {name.parent}",
        "rank": _rank(document),
        "stored": orjson.dumps(_pack(document)),
    }


def read_stored(content: bytes) -> Document:
    values = dict(zip(_NAMES, orjson.loads(content), strict=True))
    for field in _TUPLES:
        values[field] = tuple(values[field])
    for field in _TIMES:
        if values[field] is not None:
            values[field] = _EPOCH + values[field] * _MICROSECOND
    return Document(**values)


def _pack(document: Document) -> list[Any]:
    return [(value - _EPOCH) // _MICROSECOND if isinstance(value, datetime) else value for value in _values(document)]


def _more(document: Document) -> set[str]:
    """Words from everything but the name, which count less."""
    found = set(_words_of(document.registry))
    for text in (*document.tags, *document.platforms, *document.artifact_types):
        found.update(_words_of(text))
    texts = [document.description[:LONGEST_DESCRIPTION]] if document.description else []
    texts += [label[:LONGEST_LABEL] for label in document.labels[:MOST_LABELS]]
    for text in texts:
        found.update(tokens.flatten(tokens.split(text, limit=MOST_WORDS)))
        found.update(tokens.pinyin(text))
    return found


@lru_cache(maxsize=20_000)
def _words_of(text: str) -> tuple[str, ...]:
    return tuple(tokens.flatten(tokens.split(text[:LONGEST_LABEL])))


def _rank(document: Document) -> float:
    """Downloads and recency as one number from 1 to 1.0625, a multiple of 2^-20; a search score is multiplied by it.

    One more power of two of downloads counts like a push 90 days later: downloads decay without being written again.
    All values share one exponent and 65,536 steps, so a column of them takes two bytes each, and no factor is large
    enough to lift a document above a better kind of match.
    """
    pushed_at = max(document.pushed_at or _RANK_ORIGIN, _RANK_ORIGIN)
    heat = math.log2(1 + max(document.downloads_30d, 0)) + (pushed_at - _RANK_ORIGIN) / _RANK_HALF_LIFE
    return 1 + min(int(heat * 256), 65_535) / 2**20
