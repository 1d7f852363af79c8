"""Answers as HTTP has them: JSON, headers, entity tags, and a cache of a quarter of a second.

The watermark (`indexed_through`, `complete`) is sent in headers as well, so that a 304 brings it up to date. The cache
makes asking again for what many ask cheap; nothing in it is older than `FRESH_SECONDS`.
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
MOST_CACHED_BYTES = 16 * 1024 * 1024
LONGEST_CONDITION = 1024

JSON = "application/json"
SECURITY_HEADERS = {
    "Server": "regdex",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}

_TAG = re.compile(r'(?:W/)?("[\x21\x23-\x7e]*")')


class Answer(NamedTuple):
    """A body with its headers; `etag` is empty where there is none."""

    body: bytes
    etag: str
    headers: "CIMultiDict[str]"


def security_headers(*, secure: bool) -> dict[str, str]:
    """What every answer carries; `secure` over TLS."""
    return SECURITY_HEADERS | ({"Strict-Transport-Security": "max-age=31536000"} if secure else {})


def dump(content: Any) -> bytes:
    """JSON with times in UTC, written with a Z."""
    return orjson.dumps(content, option=orjson.OPT_UTC_Z)


def answer_of(reply: Reply, security: "CIMultiDict[str]", *, tagged: bool) -> Answer:
    """The answer for what an operation returned; only `tagged` ones may be kept by clients, and asked for again."""
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
    """The answer, or 304 when `condition`, the value of If-None-Match, names its tag."""
    if condition is not None and answer.etag and matches(condition, answer.etag):
        headers = answer.headers.copy()
        del headers[hdrs.CONTENT_TYPE]
        return web.Response(status=304, headers=headers)
    return web.Response(body=answer.body, headers=answer.headers)


def names(condition: str, etag: str) -> bool:
    """Whether If-None-Match names `etag` itself; `*` stands for whatever is there, which has to be looked for first."""
    return condition.strip() != "*" and matches(condition, etag)


def matches(condition: str, etag: str) -> bool:
    """Whether If-None-Match names `etag`, by weak comparison (RFC 9110, 13.1.2)."""
    if condition == etag or condition.strip() == "*":
        return True
    if len(condition) > LONGEST_CONDITION:
        raise InvalidArgument(f"If-None-Match has at most {LONGEST_CONDITION} characters")
    return etag in _TAG.findall(condition)


class Cache:
    """Answers by what was asked and what the caller may see; those of the last quarter of a second, or of two."""

    def __init__(self, *, fresh_seconds: float = FRESH_SECONDS) -> None:
        self._fresh_seconds = fresh_seconds
        self._answers: dict[tuple[str, str], tuple[float, Answer]] = {}
        self._older: dict[tuple[str, str], tuple[float, Answer]] = {}
        self._bytes = 0
        self._since = 0.0
        self._cleared_at = 0.0

    def clear(self) -> None:
        """Keep nothing that was read before now."""
        self._answers, self._older = {}, {}
        self._bytes = 0
        self._cleared_at = time.monotonic()

    def get(self, key: tuple[str, str]) -> Answer | None:
        found = self._answers.get(key) or self._older.get(key)
        return found[1] if found is not None and found[0] > time.monotonic() else None

    def put(self, key: tuple[str, str], asked_at: float, answer: Answer) -> None:
        """Keep what was read from the database at or after `asked_at` (monotonic)."""
        if asked_at <= self._cleared_at:
            return
        self._bytes += len(answer.body)
        if self._bytes > MOST_CACHED_BYTES or asked_at > self._since + self._fresh_seconds:
            self._older, self._answers = self._answers, {}
            self._bytes, self._since = len(answer.body), asked_at
        self._answers[key] = (asked_at + self._fresh_seconds, answer)
