"""Page tokens, which mark where the next page of a list starts.

A token is base64url of [version, rpc, hash of the parameters and of the caller's visibility, *last key]. It needs no
signature, because the caller's visibility is applied to every page. It refers to no state of the process, so it stays
valid after a restart. A field that a later release adds to a request changes the hash only when it is set.
"""

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any, TypeAlias, TypeVar

import orjson

from regdex.errors import InvalidArgument
from regdex.times import from_micros, to_micros
from service.caller import Caller
from service.models.message import Request

VERSION = 1
DEFAULT_SIZE = 50
MAX_TEXT = 1024
INVALID_TOKEN = "page_token: not valid for this request; start again without it"  # noqa: S105 - an error message

Key: TypeAlias = tuple[Any, ...]
Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Page:
    """A requested page: up to `size` items whose keys come after `after`, which is None for the first page."""

    rpc: str
    size: int
    after: Key | None
    caller: Caller
    request: Any

    @property
    def limit(self) -> int:
        """The number of rows to read: one more than `size`, to know whether there is a next page."""
        return self.size + 1

    def cut(self, rows: list[Row], key: Callable[[Row], Key]) -> tuple[list[Row], str]:
        """Return the rows of this page and the token of the next one, which is empty on the last page."""
        if len(rows) <= self.size:
            return rows, ""
        return rows[: self.size], self.token(key(rows[self.size - 1]))

    def token(self, key: Key) -> str:
        """Return the token of the page that starts after the item with this key."""
        content = [VERSION, self.rpc, _binding(self.caller, self.request), *map(_pack, key)]
        return base64.urlsafe_b64encode(orjson.dumps(content)).rstrip(b"=").decode()


def read_page(rpc: str, caller: Caller, request: Any, *kinds: type, default: int = DEFAULT_SIZE) -> Page:
    """Return the page that `request` selects. `kinds` are the types of the list's key: str, bytes, int or datetime.

    Raise InvalidArgument when the token was made for another list, for other parameters (only `page_size` may change
    between pages) or for a caller with another visibility.
    """
    token = request.page_token
    after = _decode(token, rpc, _binding(caller, request), kinds) if token else None
    return Page(rpc, request.page_size or default, after, caller, request)


def _binding(caller: Caller, request: Request) -> str:
    parameters = request.model_dump(exclude={"page_size", "page_token"}, exclude_defaults=True)
    said = orjson.dumps([caller.visibility, parameters], option=orjson.OPT_SORT_KEYS)
    return blake2b(said, digest_size=9).hexdigest()


def _decode(token: str, rpc: str, binding: str, kinds: tuple[type, ...]) -> Key:
    try:
        content = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        parts = orjson.loads(content)
    except (binascii.Error, ValueError):
        raise InvalidArgument(INVALID_TOKEN) from None
    if not isinstance(parts, list) or len(parts) != 3 + len(kinds) or parts[0] != VERSION or isinstance(parts[0], bool):
        raise InvalidArgument(INVALID_TOKEN)
    if parts[1] != rpc:
        raise InvalidArgument("page_token: belongs to another method; start again without it")
    if parts[2] != binding:
        raise InvalidArgument(
            "page_token: belongs to a request with other parameters; only page_size may change between pages"
        )
    return tuple(_unpack(part, kind) for part, kind in zip(parts[3:], kinds, strict=True))


def _pack(part: Any) -> Any:
    if isinstance(part, datetime):
        return to_micros(part)
    return part.hex() if isinstance(part, bytes) else part


def _unpack(part: Any, kind: type) -> Any:
    try:
        if kind is str and isinstance(part, str) and len(part) <= MAX_TEXT and "\0" not in part:
            return part
        if kind is bytes and isinstance(part, str) and len(part) <= MAX_TEXT:
            return bytes.fromhex(part)
        if kind in (int, datetime) and isinstance(part, int) and not isinstance(part, bool) and abs(part) < 2**63:
            return part if kind is int else from_micros(part)
    except (OverflowError, ValueError):
        pass
    raise InvalidArgument(INVALID_TOKEN)
