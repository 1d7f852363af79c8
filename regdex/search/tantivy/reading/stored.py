"""Reads found documents: texts from the stored field, numbers from columns."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson
import tantivy

from regdex.reference import project_of
from regdex.search import SHOWN_TAGS, Document
from regdex.times import from_micros, to_micros

NUMBERS = ("tag_count", "pushed_at", "pulled_at", "downloads_30d", "size_bytes", "stars")

# Separators between texts, and between the values of a text: shorter than JSON, and they compress better.
_END = "\x1f"
_NEXT = "\x1e"
_MIN, _MAX = -(2**63), 2**63 - 1


def pack(document: Document) -> bytes:
    """Return the stored field: the texts, and the tags that are shown."""
    project = "" if document.project == project_of(document.repository) else f"{_NEXT}{document.project}"
    texts = (document.description, document.title, document.registry, project, document.repository)
    lists = (
        document.labels,
        document.media_types,
        document.artifact_types,
        document.platforms,
        document.tags[:SHOWN_TAGS],
    )
    content = _END.join(("", *texts, *map(_NEXT.join, lists)))
    between = sum(len(values) - 1 for values in lists if values) + bool(project)
    has_separators = content.count(_END) != len(texts) + len(lists) or content.count(_NEXT) != between
    if has_separators or ("",) in lists:
        return orjson.dumps([*texts, *lists])
    return content.encode()


def number_in(value: int | datetime) -> int:
    """Return the value for a column: times in microseconds since 1970, numbers limited to 64 bits."""
    if isinstance(value, datetime):
        return to_micros(value)
    return value if _MIN <= value <= _MAX else max(_MIN, min(value, _MAX))


def read(searcher: tantivy.Searcher, addresses: list[tantivy.DocAddress]) -> list[Document]:
    """Return the documents at these addresses, in this order."""
    if not addresses:
        return []
    columns = [searcher.fast_field_values(name, addresses) for name in ("id", "project_id", "signed", *NUMBERS)]
    stored = (searcher.doc(address).get_first("stored") for address in addresses)
    return [_document(bytes(content or b""), numbers) for content, *numbers in zip(stored, *columns, strict=True)]


def read_name(searcher: tantivy.Searcher, address: tantivy.DocAddress) -> tuple[str, str]:
    """Return registry and repository of the document at this address."""
    values = _unpack(bytes(searcher.doc(address).get_first("stored") or b""))
    return values[2], values[4]


def _unpack(content: bytes) -> list[Any]:
    return orjson.loads(content) if content.startswith(b"[") else content.decode().split(_END)[1:]


def _document(content: bytes, numbers: Sequence[Any]) -> Document:
    values = _unpack(content)
    description, title, registry, project, repository, *lists = values
    labels, media_types, artifact_types, platforms, tags = map(_values, lists)
    id, project_id, signed, tag_count, pushed_at, pulled_at, downloads_30d, size_bytes, stars = numbers
    return Document(
        id=id,
        registry=registry,
        repository=repository,
        project=project.removeprefix(_NEXT) if project else project_of(repository),
        project_id=project_id,
        title=title,
        description=description,
        labels=labels,
        tags=tags,
        platforms=platforms,
        artifact_types=artifact_types,
        media_types=media_types,
        tag_count=tag_count,
        size_bytes=size_bytes,
        downloads_30d=downloads_30d,
        stars=stars,
        pushed_at=_time(pushed_at),
        pulled_at=_time(pulled_at),
        signed=signed,
    )


def _values(content: str | list[str]) -> tuple[str, ...]:
    if isinstance(content, list):
        return tuple(content)
    return tuple(content.split(_NEXT)) if content else ()


def _time(number: int | None) -> datetime | None:
    return None if number is None else from_micros(number)
