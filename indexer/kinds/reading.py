"""Reading what a stranger wrote: JSON, texts, times and addresses, each either usable or refused with a reason.

Reasons never hold content of the delivery.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from regdex.errors import InvalidArgument, Undecodable

# An observation from the far future would rule over all that follow, one from before registries existed is a zero.
LATEST = timedelta(days=1)
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
# Three of them are one index key of PostgreSQL, which may have 2,704 bytes.
ACTOR_MAX = 200
ADDRESS_MAX = 100
USER_AGENT_MAX = 300

_control = re.compile("[\x00-\x1f\x7f-\x9f]")
_UTF8_MARK = b"\xef\xbb\xbf"


def read_json(body: bytes) -> Any:
    """The value of a JSON body in UTF-8; Undecodable for anything else, however deep or malformed."""
    try:
        return orjson.loads(body.removeprefix(_UTF8_MARK))
    except orjson.JSONDecodeError:
        raise Undecodable("the body is not JSON in UTF-8") from None


def read_text(value: Any, name: str) -> str:
    """A text without control characters; empty for null. InvalidArgument for anything else."""
    if value is None or value == "":
        return ""
    if type(value) is not str:
        raise InvalidArgument(f"{name} is not text")
    if _control.search(value):
        raise InvalidArgument(f"{name} has control characters")
    return value


def read_user_agent(value: Any, name: str) -> str:
    """As `read_text`, but control characters become spaces: a client may send some, and its pulls are to be counted."""
    return read_text(_control.sub(" ", value) if type(value) is str else value, name)[:USER_AGENT_MAX]


def read_time(value: Any, name: str, received_at: datetime) -> datetime | None:
    """A time in RFC 3339, cut to microseconds; UTC where it names no zone; None for null and empty.

    InvalidArgument when it is no time, is before 2000, or is more than a day after `received_at`.
    """
    if value is None or value == "":
        return None
    try:
        at = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        at = _read_lower_case(value, name)
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    if at < EARLIEST:
        raise InvalidArgument(f"{name} is before the year 2000")
    if at > received_at + LATEST:
        raise InvalidArgument(f"{name} is more than a day after its receipt")
    return at if at.tzinfo is UTC else at.astimezone(UTC)


def _read_lower_case(value: Any, name: str) -> datetime:
    """RFC 3339 allows `t` and `z`; Python's parser does not."""
    try:
        return datetime.fromisoformat(value.upper())
    except (AttributeError, ValueError):
        raise InvalidArgument(f"{name} is not a time") from None


def read_address(value: str) -> str:
    """The host of `host[:port]`, the first of a list, without brackets. Example: `[2001:db8::1]:443, 192.0.2.1`."""
    first = value.partition(",")[0].strip()
    if first.startswith("["):
        return first[1:].partition("]")[0][:ADDRESS_MAX]
    host, _, rest = first.partition(":")
    return (first if ":" in rest else host)[:ADDRESS_MAX]
