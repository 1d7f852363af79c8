"""The fields of the Tantivy index, and the conversion of a document to them.

Raise `TOKENS_VERSION` when anything here changes, so that indexes are rebuilt.
"""

from base64 import b64encode
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import orjson
import tantivy

from regdex.search import Document, tokens
from regdex.search.casing import caseless
from regdex.search.ranking import heat
from regdex.search.tantivy.reading.stored import NUMBERS, number_in, pack
from regdex.search.tantivy.texts import Text, Value, described_text, label_text, name_texts, tag_text

# Whole values in lower case, for filters. The field `traits` has, for each document: which of these fields have values,
# which have non-ASCII values, and the keys of labels, each of which avoids a long scan; and the words of values that
# very many documents have.
VALUES = ("registry", "project", "tag", "label", "platform", "media_type")
# The same values with their case, for counts only.
COUNTED = ("registry", "project", "label", "platform", "media_type")

SORTED_BY = "name"

MIN_RANK = 2**18


def make_schema() -> tantivy.Schema:
    """Return the schema. `id` is a signed integer field: deletes by an unsigned field silently match nothing.

    Tantivy's builder cannot omit two unused parts: the length of each field, one byte a document, and the inverted
    index of fields that are only counted or sorted by. A schema in pickled form can, so this function makes that.
    """
    fields: list[dict[str, Any]] = [
        _number("id", is_indexed=True),
        _number("project_id", is_indexed=True),
        _number("signed", "bool", is_indexed=True),
        _number("rank", "f64"),
        *(_number(name) for name in NUMBERS),
        _column(SORTED_BY),
        *(_column(f"{name}_value") for name in COUNTED),
        *(_text(name, "raw", "basic") for name in [*VALUES, "path", "last", "first", "traits"]),
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


def make_json(document: Document) -> str:
    """Return JSON for `IndexWriter.add_json`, which takes half the time of building a `tantivy.Document`."""
    return orjson.dumps(make_fields(document)).decode()


def make_fields(document: Document) -> dict[str, Any]:
    name = name_texts(document.repository)
    shared = _shared(
        document.registry, document.project, document.platforms, document.media_types, document.artifact_types
    )
    described = [described_text(text) for text in (document.title, document.description) if text]
    labels = list(map(label_text, document.labels))
    tags = list(map(tag_text, document.tags))
    texts: list[Text | Value] = [*described, *labels, *tags]
    also = {word for text in (name, *texts) if text.also for word in text.also}
    fields = {
        **shared,
        "id": document.id,
        "project_id": document.project_id,
        "signed": document.signed,
        "rank": rank(document),
        "tag_count": number_in(document.tag_count),
        "downloads_30d": number_in(document.downloads_30d),
        "size_bytes": number_in(document.size_bytes),
        "stars": number_in(document.stars),
        "name": f"{document.repository}\0{document.registry}",
        "path": name.path,
        "last": name.last,
        "first": name.first,
        "words": name.words,
        "all": [name.sequence, *(text.sequence for text in texts)],
        "also": " ".join(also),
        "tag": [text.caseless for text in tags],
        "stored": b64encode(pack(document)).decode(),
    }
    if labels:
        fields["label"] = [text.caseless for text in labels]
        fields["label_value"] = list(dict.fromkeys(document.labels))
    if document.title:
        fields["title"] = " ".join((*tokens.flatten(tokens.split(document.title)), *described[0].also))
    if document.pushed_at is not None:
        fields["pushed_at"] = number_in(document.pushed_at)
    if document.pulled_at is not None:
        fields["pulled_at"] = number_in(document.pulled_at)
    fields["traits"] = [*shared["traits"], *_traits(document, fields)]
    return fields


@lru_cache(maxsize=10_000)
def _shared(
    registry: str,
    project: str,
    platforms: tuple[str, ...],
    media_types: tuple[str, ...],
    artifact_types: tuple[str, ...],
) -> dict[str, Any]:
    """Return the fields whose values very many documents share."""
    values = {
        "registry": (registry,),
        "project": (project,),
        "platform": platforms,
        "media_type": (*media_types, *artifact_types),
    }
    words = (word for text in (registry, *platforms, *artifact_types) for word in tokens.flatten(tokens.split(text)))
    return {
        **{field: list(map(caseless, of_field)) for field, of_field in values.items()},
        **{f"{field}_value": list(dict.fromkeys(of_field)) for field, of_field in values.items()},
        "traits": [
            *(f"has:{field}" for field, of_field in values.items() if of_field),
            *(f"unusual:{field}" for field, of_field in values.items() if not "".join(of_field).isascii()),
            *(f"word:{word}" for word in dict.fromkeys(words)),
        ],
    }


def _traits(document: Document, fields: dict[str, Any]) -> Iterator[str]:
    if document.tags:
        yield "has:tag"
    if document.labels:
        yield "has:label"
        for key, sign, _ in {label.partition("=") for label in fields["label"]}:
            if sign:
                yield f"key:{key}"
    if not "".join((document.repository, *document.tags, *document.labels)).isascii():
        for field in ("tag", "label", "path", "last", "words"):
            if not "".join(fields.get(field, ())).isascii():
                yield f"unusual:{field}"


def rank(document: Document) -> float:
    """Return the heat as an integer. A search score is multiplied by its logarithm, which is from 18 to 18.33.

    All values share one exponent and have 65,536 steps, so a value takes two bytes in its column. The factors are too
    close to lift a document above a better kind of match. JSON could change the last bits of non-integers.
    """
    return float(MIN_RANK + min(int(heat(document) * 256), 65_535))
