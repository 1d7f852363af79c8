"""The time of a registry's answer, by the registry's clock and by this host's clock.

A registry's Date is hostile input: a time taken from it is never later than the arrival of the answer.
"""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

MAX_AGE_SECONDS = 366 * 86400
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
    `monotonic` is time.monotonic(), and `clock` the time of this host, when the headers arrived. `age_seconds` is how
    long a cache has kept the answer (RFC 9111, Age).
    """

    date: datetime | None
    monotonic: float
    clock: datetime
    age_seconds: int = 0

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
        return self._came_by(clock) - timedelta(seconds=self.age_seconds)

    def _came_by(self, clock: "OtherClock") -> datetime:
        return clock.now - timedelta(seconds=clock.monotonic - self.monotonic)

    def _clamped(self, came: datetime) -> datetime:
        return came if self.date is None else min(self.date, came)

    def _skew(self, came: datetime) -> float | None:
        """Return the skew. Date has whole seconds, so the skew is 0 if the answer arrived within that second."""
        if self.date is None:
            return None
        age = timedelta(seconds=self.age_seconds)
        last = (self.date - came + age).total_seconds()
        return min(last, 0.0) or max(last - 0.999_999, 0.0)


def answered_now(headers: Mapping[str, str]) -> Answered:
    """Return the times of an answer with these headers that arrived just now."""
    date = parse_date(headers.get("Date", ""))
    if date is not None:
        date = date.replace(microsecond=999_999) if date.year >= _OLDEST_YEAR else None
    age = headers.get("Age", "").strip()
    age_seconds = min(int(age), MAX_AGE_SECONDS) if re.fullmatch(r"[0-9]{1,10}", age) else 0
    return Answered(date, time.monotonic(), datetime.now(UTC), age_seconds)


def parse_date(value: str) -> datetime | None:
    """Read an HTTP date (RFC 9110 §5.6.7) in UTC; None for anything else."""
    try:
        at = parsedate_to_datetime(value)
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
