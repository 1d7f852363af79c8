"""Parsers of requests to the demo registry: the client, the accepted media types, the page."""

import base64
import binascii
from collections.abc import Sequence
from typing import cast
from urllib.parse import quote

from aiohttp import web

from cli.demo.content import Refused
from cli.demo.notifications import Request

MAX_PAGE = 1000
DEFAULT_PAGE = 100


def describe(request: web.Request) -> Request:
    """Describe the client. As in Distribution, the address is the first forwarded one. The actor is not verified."""
    forwarded = request.headers.get("X-Forwarded-For", "").partition(",")[0].strip()
    host, port = cast(tuple[str, int], (request.transport and request.transport.get_extra_info("peername")) or ("", 0))
    return Request(
        request.method,
        request.host,
        forwarded or f"{host}:{port}",
        request.headers.get("User-Agent", ""),
        _user(request.headers.get("Authorization", "")),
    )


def _user(authorization: str) -> str:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(encoded, validate=True).decode().partition(":")[0]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def accepts(request: web.Request, media_type: str) -> bool:
    """Return whether the client accepts `media_type`, or sends no Accept header."""
    accepted = [
        part.partition(";")[0].strip() for value in request.headers.getall("Accept", []) for part in value.split(",")
    ]
    return not accepted or media_type in accepted or "*/*" in accepted


def page(request: web.Request, names: Sequence[str]) -> tuple[Sequence[str], dict[str, str]]:
    """Return the page after `last`, with a Link to the next. As in Distribution, `n` above the maximum is refused."""
    try:
        size = int(request.query.get("n", DEFAULT_PAGE))
    except ValueError:
        size = -1
    if not 0 <= size <= MAX_PAGE:
        raise Refused(400, "PAGINATION_NUMBER_INVALID", "invalid number of results requested")
    last = request.query.get("last", "")
    rest = [name for name in names if name > last]
    page = rest[:size]
    if len(rest) <= size or not page:
        return page, {}
    link = f"<{request.path}?last={quote(page[-1], safe='')}&n={size}>"
    return page, {"Link": f'{link}; rel="next"'}
