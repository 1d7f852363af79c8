"""When an answer came: by the registry's clock, and by ours.

A registry's Date is hostile input. A time that is taken from it never lies after the moment at which the answer came.
"""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

MAX_AGE_SECONDS = 366 * 86400
_OLDEST_YEAR = 2013  # there was no registry before; parsers of dates read the year 0001 as 2001


@dataclass(frozen=True, slots=True)
class OtherClock:
    """A clock that said `now` when, or after, time.monotonic() was `monotonic`.

    It is to be asked after that: what is placed by it then lies no earlier than it was, however late its word arrives.
    """

    now: datetime
    monotonic: float


@dataclass(frozen=True, slots=True)
class Answered:
    """`date` is the last instant of the second that Date names; None where Date is missing or cannot be true.

    `monotonic` is time.monotonic(), and `clock` the time of this host, when the headers came. `age_seconds` is how long
    a cache on the way has kept the answer (RFC 9111, Age).
    """

    date: datetime | None
    monotonic: float
    clock: datetime
    age_seconds: int = 0

    @property
    def at(self) -> datetime:
        """The registry's time where that is believable, but never later than this host's clock when the answer came."""
        return self._clamped(self.clock)

    def at_by(self, clock: "OtherClock") -> datetime:
        """`at` by another clock than this host's, such as PostgreSQL's."""
        return self._clamped(self._came_by(clock))

    @property
    def skew_seconds(self) -> float | None:
        """Date minus this host's clock: positive where the registry's clock is ahead. None without Date."""
        return self._skew(self.clock)

    def skew_by(self, clock: "OtherClock") -> float | None:
        """`skew_seconds` by another clock."""
        return self._skew(self._came_by(clock))

    def came_by(self, clock: "OtherClock") -> datetime:
        """When what it says was so, by another clock."""
        return self._came_by(clock) - timedelta(seconds=self.age_seconds)

    def _came_by(self, clock: "OtherClock") -> datetime:
        return clock.now - timedelta(seconds=clock.monotonic - self.monotonic)

    def _clamped(self, came: datetime) -> datetime:
        return came if self.date is None else min(self.date, came)

    def _skew(self, came: datetime) -> float | None:
        """Date has whole seconds: the skew is 0 where the answer came within that second."""
        if self.date is None:
            return None
        age = timedelta(seconds=self.age_seconds)
        last = (self.date - came + age).total_seconds()
        return min(last, 0.0) or max(last - 0.999_999, 0.0)


def answered_now(headers: Mapping[str, str]) -> Answered:
    """For the answer with these headers, which came just now."""
    date = parse_date(headers.get("Date", ""))
    if date is not None:
        date = date.replace(microsecond=999_999) if date.year >= _OLDEST_YEAR else None
    age = headers.get("Age", "").strip()
    age_seconds = min(int(age), MAX_AGE_SECONDS) if re.fullmatch(r"[0-9]{1,10}", age) else 0
    return Answered(date, time.monotonic(), datetime.now(UTC), age_seconds)


def parse_date(value: str) -> datetime | None:
    """An HTTP date (RFC 9110 §5.6.7) in UTC; None for anything else."""
    try:
        at = parsedate_to_datetime(value)
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
