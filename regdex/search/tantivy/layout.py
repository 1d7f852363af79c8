"""The fields of the Tantivy index, and what a document puts into them.

`TOKENS_VERSION` has to be raised when anything here changes: indexes are then rebuilt.
"""

from collections.abc import Iterable
from typing import Any

import tantivy

from regdex.search import Document, tokens
from regdex.search.casing import caseless
from regdex.search.ranking import heat
from regdex.search.tantivy.stored import NUMBERS, number_in, pack
from regdex.search.tantivy.texts import described, labelled, name_texts, plain_words, tagged

# Whole values, without regard to case, for filters.
VALUES = ("registry", "project", "tag", "label", "platform", "media_type")
# The same as they were given, only to be counted.
COUNTED = ("registry", "project", "label", "platform", "media_type")
NO_PARENT = "/"  # what `parent` holds for a repository without a slash: no word is like it

SORTED_BY = "name"


def make_schema() -> tantivy.Schema:
    """`id` is an integer field, signed: deletes by an unsigned one find nothing, and say nothing.

    Tantivy's builder cannot leave out what nothing here uses, one byte a document and field for its length and an
    inverted index of what is only counted or sorted by. Its schemas are pickled as plain data, which can.
    """
    fields: list[dict[str, Any]] = [
        _number("id", is_indexed=True),
        _number("project_id", is_indexed=True),
        _number("signed", "bool", is_indexed=True),
        _number("rank", "f64"),
        *(_number(name) for name in NUMBERS),
        _column(SORTED_BY),
        *(_column(f"{name}_value") for name in COUNTED),
        *(_text(name, "raw", "basic") for name in [*VALUES, "path", "parent", "last", "first", "traits"]),
        *(_text(name, "whitespace", "basic") for name in ["words", "title", "also"]),
        _text("all", "whitespace", "position"),
        {"name": "stored", "type": "bytes", "options": _options(stored=True)},
    ]
    pickled: Any = tantivy.SchemaBuilder().build().__reduce__()
    schema: tantivy.Schema = pickled[0]({"inner": fields})
    return schema


def _options(**given: bool) -> dict[str, bool]:
    return {"indexed": False, "fieldnorms": False, "fast": False, "stored": False, **given}


def _number(name: str, kind: str = "i64", *, is_indexed: bool = False) -> dict[str, Any]:
    return {"name": name, "type": kind, "options": _options(indexed=is_indexed, fast=True)}


def _column(name: str) -> dict[str, Any]:
    return {"name": name, "type": "text", "options": {"stored": False, "fast": True}}


def _text(name: str, tokenizer: str, record: str) -> dict[str, Any]:
    indexing = {"record": record, "fieldnorms": False, "tokenizer": tokenizer}
    return {"name": name, "type": "text", "options": {"indexing": indexing, "stored": False, "fast": False}}


def make_fields(document: Document) -> dict[str, Any]:
    """For `tantivy.Document.from_dict`."""
    name = name_texts(document.repository)
    texts = [text for text in (document.title, document.description) if text]
    parts = [*map(described, texts), *map(labelled, document.labels), *map(tagged, document.tags)]
    also = [*name.also, *plain_words(document.registry)]
    for value in (*document.platforms, *document.artifact_types):
        also += plain_words(value)
    for part in parts:
        also += part.also
    counted: dict[str, Iterable[str]] = {
        "registry": (document.registry,),
        "project": (document.project,),
        "label": document.labels,
        "platform": document.platforms,
        "media_type": (*document.media_types, *document.artifact_types),
    }
    fields: dict[str, Any] = {
        "id": document.id,
        "project_id": document.project_id,
        "signed": document.signed,
        "rank": rank(document),
        "name": f"{document.repository}\0{document.registry}",
        "path": name.path,
        "parent": name.parent or NO_PARENT,
        "last": name.last,
        "first": name.first,
        "words": name.words,
        "all": [name.sequence, *(part.sequence for part in parts)],
        "also": " ".join(set(also)),
        "tag": _caseless(document.tags),
        "stored": pack(document),
    }
    for field, values in counted.items():
        fields[field] = _caseless(values)
        fields[f"{field}_value"] = list(dict.fromkeys(values))
    fields["traits"] = _traits(fields)
    if document.title:
        fields["title"] = " ".join(tokens.flatten(tokens.split(document.title)))
    for number in NUMBERS:
        if (value := getattr(document, number)) is not None:
            fields[number] = number_in(value)
    return fields


def _traits(fields: dict[str, Any]) -> list[str]:
    """Which fields have a value at all, and one that is not ASCII; and the keys of labels. Each spares a long scan."""
    has = [f"has:{field}" for field in VALUES if fields[field]]
    unusual = [
        f"unusual:{field}" for field in (*VALUES, "path", "last", "words") if not "".join(fields[field]).isascii()
    ]
    return [*has, *unusual, *{f"key:{label.partition('=')[0]}" for label in fields["label"] if "=" in label}]


def _caseless(values: Iterable[str]) -> list[str]:
    return [caseless(value) for value in values]


def rank(document: Document) -> float:
    """Heat as a factor from 1 to 1.0625, a multiple of 2^-20; a search score is multiplied by it.

    All values share one exponent and 65,536 steps, so a column of them takes two bytes each, and no factor is large
    enough to lift a document above a better kind of match.
    """
    return 1 + min(int(heat(document) * 256), 65_535) / 2**20
