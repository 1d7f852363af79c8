"""Times: read from RFC 3339, converted to and from microseconds since 1970, and waiting with a time limit."""

import asyncio
import re
from datetime import UTC, datetime, timedelta

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def parse_rfc3339(text: str) -> datetime:
    """Return an aware datetime in UTC, cut to microseconds. Raise ValueError with the reason if it cannot be read."""
    if not _RFC3339.fullmatch(text):
        raise ValueError("must be an RFC 3339 time with an offset, such as 2026-11-17T09:00:00Z")
    try:
        return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text.upper())).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("is not a time that exists") from None


def to_micros(moment: datetime) -> int:
    """Return whole microseconds since 1970 of an aware datetime."""
    return (moment - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """Return the datetime in UTC. Raise OverflowError outside of the years 1 to 9999."""
    return _EPOCH + timedelta(microseconds=micros)


async def wait_until_set(event: asyncio.Event, seconds: float) -> bool:
    """Wait for `event`, at most `seconds`. Return whether it was set in that time."""
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return False
