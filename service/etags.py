"""Entity tags (RFC 9110, 8.8.3), with which a client checks whether an answer has changed. All of them are strong."""

from collections.abc import Mapping
from datetime import datetime
from hashlib import blake2b
from typing import Any, NamedTuple, Self

import orjson

from regdex import __version__
from service.caller import Caller
from service.models.message import Request

# Left out of entity tags: they change with every event even when the rest of the answer does not. A 304 has them in
# its headers.
WATERMARKS = frozenset(("indexed_through", "settled_through"))


class Stamp(NamedTuple):
    """The version of a repository, read before or together with the rest of an answer, and its registry's watermark."""

    version: int
    complete: bool
    indexed_through: datetime | None

    @classmethod
    def of(cls, row: Any) -> Self:
        """Return the stamp of a row that has columns of these names."""
        return cls(row["version"], row["complete"], row["indexed_through"])


class Stamped(NamedTuple):
    """An answer that, apart from its watermark, changes only when the version of one repository changes."""

    content: dict[str, Any]
    stamp: Stamp


def etag_of_version(rpc: str, caller: Caller, request: Request, stamp: Stamp) -> str:
    """Return the tag of a `Stamped` answer. It includes the release, because another release may answer differently."""
    parameters = request.model_dump(exclude_defaults=True)
    content = [__version__, rpc, parameters, caller.visibility, stamp.version, stamp.complete]
    return _quoted(orjson.dumps(content, option=orjson.OPT_SORT_KEYS))


def etag_of_content(content: Mapping[str, Any]) -> str:
    """Return the tag of any other answer: a hash of its content without the watermarks."""
    return _quoted(orjson.dumps({name: value for name, value in content.items() if name not in WATERMARKS}))


def etag_of_bytes(body: bytes) -> str:
    """Return the tag of a page with constant content."""
    return _quoted(body)


def _quoted(content: bytes) -> str:
    return f'"{blake2b(content, digest_size=12).hexdigest()}"'
