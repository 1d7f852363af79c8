"""Answers as HTTP has them: JSON, headers, entity tags, and a cache of a quarter of a second.

The tag is a hash of the body without its watermark (`indexed_through`, `complete`), which moves with every event while
nothing in the answer does; the watermark is sent in headers as well, so that a 304 brings it up to date. The cache
makes asking again for what many ask cheap; nothing in it is older than `FRESH_SECONDS`.
"""

import re
import time
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, NamedTuple

import orjson
from aiohttp import hdrs, web
from multidict import CIMultiDict

from regdex.errors import InvalidArgument

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

_WATERMARK = b',"indexed_through":'
_TAG = re.compile(r'(?:W/)?("[\x21\x23-\x7e]*")')


class Answer(NamedTuple):
    """A body with its headers; `etag` is empty where there is none."""

    body: bytes
    etag: str
    headers: "CIMultiDict[str]"


def security_headers(*, secure: bool) -> dict[str, str]:
    """What every answer carries; `secure` over TLS."""
    return SECURITY_HEADERS | ({"Strict-Transport-Security": "max-age=31536000"} if secure else {})


def dump(content: Mapping[str, Any]) -> bytes:
    """JSON with times in UTC, written with a Z."""
    return orjson.dumps(content, option=orjson.OPT_UTC_Z)


def answer_of(content: Mapping[str, Any], security: "CIMultiDict[str]", *, tagged: bool) -> Answer:
    """The answer for what an operation returned; only `tagged` ones may be kept by clients, and asked for again."""
    body = dump(content)
    headers = security.copy()
    headers[hdrs.CONTENT_TYPE] = JSON
    if not tagged:
        headers[hdrs.CACHE_CONTROL] = "no-store"
        return Answer(body, "", headers)
    etag = etag_of(body)
    headers[hdrs.ETAG] = etag
    headers[hdrs.CACHE_CONTROL] = "private, no-cache"
    if "indexed_through" in content:
        headers["Regdex-Complete"] = "true" if content["complete"] else "false"
        if content["indexed_through"] is not None:
            headers["Regdex-Indexed-Through"] = orjson.dumps(
                content["indexed_through"], option=orjson.OPT_UTC_Z
            ).decode()[1:-1]
    return Answer(body, etag, headers)


def etag_of(body: bytes) -> str:
    """A strong entity tag. Answers that have a watermark end with it."""
    end = body.rfind(_WATERMARK)
    return f'"{sha256(memoryview(body)[: end if end >= 0 else len(body)]).hexdigest()[:24]}"'


def respond(answer: Answer, condition: str | None) -> web.Response:
    """The answer, or 304 when `condition`, the value of If-None-Match, names its tag."""
    if condition is not None and answer.etag and matches(condition, answer.etag):
        headers = answer.headers.copy()
        del headers[hdrs.CONTENT_TYPE]
        return web.Response(status=304, headers=headers)
    return web.Response(body=answer.body, headers=answer.headers)


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

    def get(self, key: tuple[str, str]) -> Answer | None:
        found = self._answers.get(key) or self._older.get(key)
        return found[1] if found is not None and found[0] > time.monotonic() else None

    def put(self, key: tuple[str, str], asked_at: float, answer: Answer) -> None:
        """Keep what was read from the database at or after `asked_at` (monotonic)."""
        self._bytes += len(answer.body)
        if self._bytes > MOST_CACHED_BYTES or asked_at > self._since + self._fresh_seconds:
            self._older, self._answers = self._answers, {}
            self._bytes, self._since = len(answer.body), asked_at
        self._answers[key] = (asked_at + self._fresh_seconds, answer)
