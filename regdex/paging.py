"""Page tokens: where a list goes on.

A token is base64url of [version, rpc, hash of the parameters and of what the caller may see, *last key]. It is not
signed: what a caller may see is applied to every page anyway. It holds no state of a process, so it survives restarts;
fields that later releases add to a request do not change its hash while they are not used.
"""

import base64
import binascii
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any, TypeAlias

import orjson

from regdex.caller import Caller
from regdex.errors import InvalidArgument
from regdex.models.message import Request

VERSION = 1
DEFAULT_SIZE = 50
LONGEST_TEXT = 1024

Key: TypeAlias = "tuple[Any, ...]"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Page:
    """One page as it was asked for: up to `size` items whose keys come after `after`; None is the first page."""

    rpc: str
    size: int
    after: Key | None
    binding: str

    def token(self, key: Key) -> str:
        """The token of the page that comes after the item with this key."""
        parts = [_pack(part) for part in key]
        return base64.urlsafe_b64encode(orjson.dumps([VERSION, self.rpc, self.binding, *parts])).rstrip(b"=").decode()


def read_page(rpc: str, caller: Caller, request: Any, *kinds: type, default: int = DEFAULT_SIZE) -> Page:
    """The page that `request` asks for; keys of this list are of `kinds` (str, int, datetime).

    InvalidArgument when the token is not one of this list with the same parameters for the same visibility; only
    `page_size` may differ from page to page.
    """
    binding = _binding(caller, request)
    after = _decode(request.page_token, rpc, binding, kinds) if request.page_token else None
    return Page(rpc, request.page_size or default, after, binding)


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
    return (part - _EPOCH) // timedelta(microseconds=1) if isinstance(part, datetime) else part


def _unpack(part: Any, kind: type) -> Any:
    if kind is str and isinstance(part, str) and len(part) <= LONGEST_TEXT and "\0" not in part:
        return part
    if kind in (int, datetime) and isinstance(part, int) and not isinstance(part, bool) and abs(part) < 2**63:
        try:
            return part if kind is int else _EPOCH + timedelta(microseconds=part)
        except OverflowError:
            pass
    raise InvalidArgument("page_token: is not one of this list")
