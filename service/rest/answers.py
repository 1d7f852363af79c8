"""HTTP answers: JSON bodies, headers, entity tags, and a cache of a quarter of a second.

The watermark (`indexed_through`, `complete`) is also sent in headers, so that a 304 updates it. The cache makes
requests that many clients repeat cheap; it returns nothing older than `FRESH_SECONDS`.
"""

import re
import time
from typing import Any, NamedTuple

import orjson
from aiohttp import hdrs, web
from multidict import CIMultiDict

from regdex.errors import InvalidArgument
from service.calls import Reply
from service.etags import etag_of_content

FRESH_SECONDS = 0.25
MAX_CACHED_BYTES = 16 * 1024 * 1024
MAX_CONDITION = 1024

JSON = "application/json"
SECURITY_HEADERS = {
    "Server": "regdex",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}

_TAG = re.compile(r'(?:W/)?("[\x21\x23-\x7e]*")')


class Answer(NamedTuple):
    """A body with its headers. `etag` is empty when the answer has no entity tag."""

    body: bytes
    etag: str
    headers: "CIMultiDict[str]"


def security_headers(*, secure: bool) -> dict[str, str]:
    """Return the headers of every answer. `secure` means that the transport is TLS."""
    return SECURITY_HEADERS | ({"Strict-Transport-Security": "max-age=31536000"} if secure else {})


def dump(content: Any) -> bytes:
    """Serialize to JSON, with times in UTC that end in Z."""
    return orjson.dumps(content, option=orjson.OPT_UTC_Z)


def answer_of(reply: Reply, security: "CIMultiDict[str]", *, tagged: bool) -> Answer:
    """Return the HTTP answer of a reply. Only `tagged` answers get an entity tag; clients may not store the others."""
    headers = security.copy()
    headers[hdrs.CONTENT_TYPE] = JSON
    if not tagged:
        headers[hdrs.CACHE_CONTROL] = "no-store"
        return Answer(dump(reply.content), "", headers)
    etag = reply.etag or etag_of_content(reply.content)
    headers[hdrs.ETAG] = etag
    headers[hdrs.CACHE_CONTROL] = "private, no-cache"
    watermark = reply.stamp._asdict() if reply.stamp else reply.content
    if "indexed_through" in watermark:
        headers["Regdex-Complete"] = "true" if watermark["complete"] else "false"
        if watermark["indexed_through"] is not None:
            headers["Regdex-Indexed-Through"] = dump(watermark["indexed_through"]).decode().strip('"')
    return Answer(b"" if reply.is_known else dump(reply.content), etag, headers)


def respond(answer: Answer, condition: str | None) -> web.Response:
    """Return the answer, or 304 when `condition`, the value of If-None-Match, matches its entity tag."""
    if condition is not None and answer.etag and matches(condition, answer.etag):
        headers = answer.headers.copy()
        del headers[hdrs.CONTENT_TYPE]
        return web.Response(status=304, headers=headers)
    return web.Response(body=answer.body, headers=answer.headers)


def names(condition: str, etag: str) -> bool:
    """Whether If-None-Match names `etag`. `*` is false here: it needs to know that the resource exists."""
    return condition.strip() != "*" and matches(condition, etag)


def matches(condition: str, etag: str) -> bool:
    """Whether If-None-Match is `*` or names `etag`, by weak comparison (RFC 9110, 13.1.2)."""
    if condition == etag or condition.strip() == "*":
        return True
    if len(condition) > MAX_CONDITION:
        raise InvalidArgument(f"If-None-Match must have at most {MAX_CONDITION} characters")
    return etag in _TAG.findall(condition)


class Cache:
    """Answers by request target and caller's visibility.

    An answer is returned until `fresh_seconds` after it was read. Answers are stored in two generations; when the new
    one is full or old, the older one is dropped.
    """

    def __init__(self, *, fresh_seconds: float = FRESH_SECONDS) -> None:
        self._fresh_seconds = fresh_seconds
        self._answers: dict[tuple[str, str], tuple[float, Answer]] = {}
        self._older: dict[tuple[str, str], tuple[float, Answer]] = {}
        self._bytes = 0
        self._since = 0.0
        self._cleared_at = 0.0

    def clear(self) -> None:
        """Drop all answers, and ignore later ones that were read before now."""
        self._answers, self._older = {}, {}
        self._bytes = 0
        self._cleared_at = time.monotonic()

    def get(self, key: tuple[str, str]) -> Answer | None:
        found = self._answers.get(key) or self._older.get(key)
        return found[1] if found is not None and found[0] > time.monotonic() else None

    def put(self, key: tuple[str, str], asked_at: float, answer: Answer) -> None:
        """Store an answer that was read from the database at or after `asked_at`, a time of the monotonic clock."""
        if asked_at <= self._cleared_at:
            return
        self._bytes += len(answer.body)
        if self._bytes > MAX_CACHED_BYTES or asked_at > self._since + self._fresh_seconds:
            self._older, self._answers = self._answers, {}
            self._bytes, self._since = len(answer.body), asked_at
        self._answers[key] = (asked_at + self._fresh_seconds, answer)
