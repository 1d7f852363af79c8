"""The time of a registry's answer, by the registry's clock and by this host's clock.

A registry's Date is hostile input: a time taken from it is never later than the arrival of the answer.
"""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from regdex.history import CONTRADICTION

MAX_AGE_SECONDS = 366 * 86400
MAX_RETRY_AFTER_SECONDS = 15 * 60
MAX_LIMITED_SECONDS = 7 * 86400
_OLDEST_YEAR = 2013  # no registry existed before; Python reads the year 0001 in a Date as 2001


@dataclass(frozen=True, slots=True)
class OtherClock:
    """A reading of another clock: it showed `now` when time.monotonic() was `monotonic`, or later.

    Read `monotonic` before the other clock: times computed from the pair are then never too early, however long the
    other clock takes to answer.
    """

    now: datetime
    monotonic: float


@dataclass(frozen=True, slots=True)
class Answered:
    """The times of one answer.

    `date` is the last instant of the second in the Date header; None where Date is missing or cannot be true.
    `monotonic` is time.monotonic(), and `clock` the time of this host, when the headers arrived, `took_seconds` after
    the request was sent. `age_seconds` is how long a cache has kept the answer (RFC 9111, Age).

    A slow answer tells of a moment that lies anywhere between request and answer. It counts at most CONTRADICTION after
    the request, so that no event that has happened meanwhile comes before it without contradicting it.
    """

    date: datetime | None
    monotonic: float
    clock: datetime
    age_seconds: int = 0
    took_seconds: float = 0.0

    @property
    def at(self) -> datetime:
        """The registry's time, or the arrival by this host's clock where that is earlier or there is no Date."""
        return self._clamped(self.clock)

    def at_by(self, clock: "OtherClock") -> datetime:
        """Return `at` with the arrival by another clock, such as PostgreSQL's."""
        return self._clamped(self._came_by(clock))

    @property
    def skew_seconds(self) -> float | None:
        """Date minus this host's clock: positive where the registry's clock is ahead. None without Date."""
        return self._skew(self.clock)

    def skew_by(self, clock: "OtherClock") -> float | None:
        """Return `skew_seconds` against another clock."""
        return self._skew(self._came_by(clock))

    def came_by(self, clock: "OtherClock") -> datetime:
        """Return when the content of the answer was true, by another clock: its arrival minus its age in caches."""
        return self._came_by(clock) - timedelta(seconds=self.age_seconds) - self._excess

    def _came_by(self, clock: "OtherClock") -> datetime:
        return clock.now - timedelta(seconds=clock.monotonic - self.monotonic)

    @property
    def _excess(self) -> timedelta:
        """How much longer than CONTRADICTION the answer took."""
        return max(timedelta(seconds=self.took_seconds) - CONTRADICTION, timedelta(0))

    def _clamped(self, came: datetime) -> datetime:
        return (came if self.date is None else min(self.date, came)) - self._excess

    def _skew(self, came: datetime) -> float | None:
        """Return the skew. Date has whole seconds, so the skew is 0 if the answer arrived within that second."""
        if self.date is None:
            return None
        age = timedelta(seconds=self.age_seconds)
        last = (self.date - came + age).total_seconds()
        return min(last, 0.0) or max(last - 0.999_999, 0.0)


def answered_now(headers: Mapping[str, str], *, sent: float) -> Answered:
    """Return the times of an answer with these headers that arrived just now; the request was sent at `sent`.

    `sent` is a reading of time.monotonic().
    """
    date = parse_date(headers.get("Date", ""))
    if date is not None:
        date = date.replace(microsecond=999_999) if date.year >= _OLDEST_YEAR else None
    age = headers.get("Age", "").strip()
    age_seconds = min(int(age), MAX_AGE_SECONDS) if re.fullmatch(r"[0-9]{1,10}", age) else 0
    arrived = time.monotonic()
    return Answered(date, arrived, datetime.now(UTC), age_seconds, arrived - sent)


def retry_after_seconds(value: str, now: datetime | None = None) -> float | None:
    """Read Retry-After as seconds, at most 15 minutes; None where it is malformed or empty."""
    seconds_sent = parse_retry_after(value, now)
    return None if seconds_sent is None else min(seconds_sent, MAX_RETRY_AFTER_SECONDS)


def parse_retry_after(value: str, now: datetime | None = None) -> float | None:
    """Read Retry-After, in both forms of RFC 9110 §10.2.3, as seconds, at most a week; None for anything else."""
    value = value.strip()
    if re.fullmatch(r"[0-9]{1,10}", value):
        return float(min(int(value), MAX_LIMITED_SECONDS))
    at = parse_date(value)
    if at is None:
        return None
    return min(max((at - (now or datetime.now(UTC))).total_seconds(), 0.0), MAX_LIMITED_SECONDS)


def parse_date(value: str) -> datetime | None:
    """Read an HTTP date (RFC 9110 §5.6.7) in UTC; None for anything else."""
    try:
        at = parsedate_to_datetime(value)
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
