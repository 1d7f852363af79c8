"""What comes back of a document that was found: texts from its stored part, numbers from their columns."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import tantivy

from regdex.search import SHOWN_TAGS, Document

NUMBERS = ("tag_count", "pushed_at", "pulled_at", "downloads_30d", "size_bytes", "stars")

_TEXTS = 10
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LEAST, _MOST = -(2**63), 2**63 - 1


def pack(document: Document) -> bytes:
    """The texts, with the tags that are shown; what is empty at the end is left out."""
    project = document.repository.partition("/")[0] if "/" in document.repository else ""
    content = [
        document.registry,
        document.repository,
        None if project == document.project else document.project,
        document.tags[:SHOWN_TAGS],
        document.platforms,
        document.labels,
        document.description,
        document.title,
        document.media_types,
        document.artifact_types,
    ]
    while not content[-1]:
        content.pop()
    return orjson.dumps(content)


def number_in(value: int | datetime) -> int:
    """As a column has it: times in microseconds since 1970, within 64 bits."""
    number = (value - _EPOCH) // _MICROSECOND if isinstance(value, datetime) else value
    return max(_LEAST, min(number, _MOST))


def read(searcher: tantivy.Searcher, addresses: list[tantivy.DocAddress]) -> list[Document]:
    """The documents at these addresses, in their order."""
    if not addresses:
        return []
    columns = [searcher.fast_field_values(name, addresses) for name in ("id", "project_id", "signed", *NUMBERS)]
    return [
        _document(orjson.loads(bytes(searcher.doc(address).get_first("stored") or b"[]")), numbers)
        for address, *numbers in zip(addresses, *columns, strict=True)
    ]


def _document(content: list[Any], numbers: Sequence[Any]) -> Document:
    content += [None] * (_TEXTS - len(content))
    registry, repository, project, tags, platforms, labels, description, title, media_types, artifact_types = content
    id, project_id, signed, tag_count, pushed_at, pulled_at, downloads_30d, size_bytes, stars = numbers
    if project is None:
        project = repository.partition("/")[0] if "/" in repository else ""
    return Document(
        id=id,
        registry=registry,
        repository=repository,
        project=project,
        project_id=project_id,
        title=title or "",
        description=description or "",
        labels=tuple(labels or ()),
        tags=tuple(tags or ()),
        platforms=tuple(platforms or ()),
        artifact_types=tuple(artifact_types or ()),
        media_types=tuple(media_types or ()),
        tag_count=tag_count,
        size_bytes=size_bytes,
        downloads_30d=downloads_30d,
        stars=stars,
        pushed_at=_time(pushed_at),
        pulled_at=_time(pulled_at),
        signed=signed,
    )


def _time(number: int | None) -> datetime | None:
    return None if number is None else _EPOCH + number * _MICROSECOND
