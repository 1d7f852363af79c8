"""Reads untrusted JSON, texts, times and addresses; each is returned valid or refused with a reason.

Reasons never contain content of the delivery.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import orjson

from regdex.errors import InvalidArgument, Undecodable

# A time further ahead, or before registries existed (a zero), is not believed.
LATEST = timedelta(days=1)
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
# The three together are one index key of PostgreSQL, which may have 2,704 bytes.
ACTOR_MAX = 200
ADDRESS_MAX = 100
USER_AGENT_MAX = 300

_fraction = re.compile(r"[.,]\d{6}(\d{1,3})").search
# Longer texts may have nanoseconds.
_WITH_MICROSECONDS = len("2026-11-17T09:00:00.123456")
MAX_TIME = 64

_control = re.compile("[\x00-\x1f\x7f-\x9f]")
_UTF8_MARK = b"\xef\xbb\xbf"


def read_json(body: bytes) -> Any:
    """Parse a JSON body in UTF-8; Undecodable for anything else, including JSON that is nested too deeply."""
    try:
        return orjson.loads(body.removeprefix(_UTF8_MARK))
    except orjson.JSONDecodeError:
        raise Undecodable("the body is not JSON in UTF-8") from None


def read_text(value: Any, name: str) -> str:
    """Return a text without control characters; empty for null. InvalidArgument for anything else."""
    if value is None or value == "":
        return ""
    if type(value) is not str:
        raise InvalidArgument(f"{name} is not text")
    if _control.search(value):
        raise InvalidArgument(f"{name} has control characters")
    return value


def read_user_agent(value: Any, name: str) -> str:
    """Read a text as `read_text`, with spaces for control characters, so that pulls of such clients are counted."""
    return read_text(_control.sub(" ", value) if type(value) is str else value, name)[:USER_AGENT_MAX]


class Told(NamedTuple):
    """A time from a sender: `at` has microseconds, `nanos` the nanoseconds after it."""

    at: datetime
    nanos: int = 0


def read_time(value: Any, received_at: datetime) -> Told | None:
    """Read a time in RFC 3339; a time without a zone is UTC.

    None where the time is missing or malformed, before 2000 (a zero), or more than a day after `received_at`. Such an
    event is kept, and the registry is asked about it.
    """
    if type(value) is not str or len(value) > MAX_TIME:
        return None
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        try:  # RFC 3339 allows `t` and `z`, Python's parser does not
            at = datetime.fromisoformat(value.upper())
        except ValueError:
            return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    try:
        if not EARLIEST <= at <= received_at + LATEST:
            return None
        at = at if at.tzinfo is UTC else at.astimezone(UTC)
    except OverflowError:
        return None
    return Told(at, _nanos(value) if len(value) > _WITH_MICROSECONDS else 0)


def _nanos(value: str) -> int:
    """Return the seventh to ninth digits of the fraction of the second."""
    match = _fraction(value)
    return int(match[1].ljust(3, "0")) if match else 0


def read_address(value: str) -> str:
    """Return the first host of a list of `host[:port]`, without brackets. Example: `[2001:db8::1]:443, 192.0.2.1`."""
    first = value.partition(",")[0].strip()
    if first.startswith("["):
        return first[1:].partition("]")[0][:ADDRESS_MAX]
    host, _, rest = first.partition(":")
    return (first if ":" in rest else host)[:ADDRESS_MAX]
