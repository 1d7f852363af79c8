"""Entity tags (RFC 9110, 8.8.3): by them a client asks whether an answer is still the same. Both kinds are strong."""

from collections.abc import Mapping
from datetime import datetime
from hashlib import blake2b
from typing import Any, NamedTuple, Self

import orjson

from regdex import __version__
from service.caller import Caller
from service.models.message import Request

# They move with every event while nothing else in an answer does; headers carry them beside a 304.
WATERMARKS = frozenset(("indexed_through", "settled_through"))


class Stamp(NamedTuple):
    """The version of a repository, read no later than the rest of an answer, and the watermark of its registry."""

    version: int
    complete: bool
    indexed_through: datetime | None

    @classmethod
    def of(cls, row: Any) -> Self:
        """From a row that has these columns."""
        return cls(row["version"], row["complete"], row["indexed_through"])


class Stamped(NamedTuple):
    """An answer in which everything but the watermark is counted by the version of one repository."""

    content: dict[str, Any]
    stamp: Stamp


def etag_of_version(rpc: str, caller: Caller, request: Request, stamp: Stamp) -> str:
    """The tag of a `Stamped` answer. A release may answer otherwise than the one before, so it is part of the tag."""
    parameters = request.model_dump(exclude_defaults=True)
    said = [__version__, rpc, parameters, caller.visibility, stamp.version, stamp.complete]
    return _quoted(orjson.dumps(said, option=orjson.OPT_SORT_KEYS))


def etag_of_content(content: Mapping[str, Any]) -> str:
    """The tag of any other answer, from all that it says but its watermarks."""
    return _quoted(orjson.dumps({name: value for name, value in content.items() if name not in WATERMARKS}))


def etag_of_bytes(body: bytes) -> str:
    """The tag of a page that does not change."""
    return _quoted(body)


def _quoted(said: bytes) -> str:
    return f'"{blake2b(said, digest_size=12).hexdigest()}"'
