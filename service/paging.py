"""Page tokens: where a list goes on.

A token is base64url of [version, rpc, hash of the parameters and of what the caller may see, *last key]. It is not
signed: what a caller may see is applied to every page anyway. It holds no state of a process, so it survives restarts;
fields that later releases add to a request do not change its hash while they are not used.
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
LONGEST_TEXT = 1024

Key: TypeAlias = tuple[Any, ...]
Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Page:
    """One page as it was asked for: up to `size` items whose keys come after `after`; None is the first page."""

    rpc: str
    size: int
    after: Key | None
    caller: Caller
    request: Any

    @property
    def limit(self) -> int:
        """How many to ask the store for: one more than are shown says whether there is a next page."""
        return self.size + 1

    def cut(self, rows: list[Row], key: Callable[[Row], Key]) -> tuple[list[Row], str]:
        """What is shown of up to `limit` rows, and the token of the next page; empty when this is the last."""
        if len(rows) <= self.size:
            return rows, ""
        return rows[: self.size], self.token(key(rows[self.size - 1]))

    def token(self, key: Key) -> str:
        """The token of the page that comes after the item with this key."""
        content = [VERSION, self.rpc, _binding(self.caller, self.request), *map(_pack, key)]
        return base64.urlsafe_b64encode(orjson.dumps(content)).rstrip(b"=").decode()


def read_page(rpc: str, caller: Caller, request: Any, *kinds: type, default: int = DEFAULT_SIZE) -> Page:
    """The page that `request` asks for; keys of this list are of `kinds` (str, bytes, int, datetime).

    InvalidArgument when the token is not one of this list with the same parameters for the same visibility; only
    `page_size` may differ from page to page.
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
        raise InvalidArgument("page_token: is not one of ours") from None
    if not isinstance(parts, list) or len(parts) != 3 + len(kinds) or parts[0] != VERSION or isinstance(parts[0], bool):
        raise InvalidArgument("page_token: is not one of this list")
    if parts[1] != rpc:
        raise InvalidArgument("page_token: belongs to another list")
    if parts[2] != binding:
        raise InvalidArgument("page_token: belongs to other parameters; only page_size may change between pages")
    return tuple(_unpack(part, kind) for part, kind in zip(parts[3:], kinds, strict=True))


def _pack(part: Any) -> Any:
    if isinstance(part, datetime):
        return to_micros(part)
    return part.hex() if isinstance(part, bytes) else part


def _unpack(part: Any, kind: type) -> Any:
    try:
        if kind is str and isinstance(part, str) and len(part) <= LONGEST_TEXT and "\0" not in part:
            return part
        if kind is bytes and isinstance(part, str) and len(part) <= LONGEST_TEXT:
            return bytes.fromhex(part)
        if kind in (int, datetime) and isinstance(part, int) and not isinstance(part, bool) and abs(part) < 2**63:
            return part if kind is int else from_micros(part)
    except (OverflowError, ValueError):
        pass
    raise InvalidArgument("page_token: is not one of this list")
