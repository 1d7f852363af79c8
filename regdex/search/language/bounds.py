"""Converts number filters to the bounds of an SQL statement: one range for each field."""

from collections.abc import Sequence
from datetime import UTC, datetime

from regdex.search.language.query import Filter, NumberField, NumberFilter
from regdex.store.search.name_search import Bounds
from regdex.times import from_micros

_MAX = 2**63 - 1
_TIMES = (datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC))


def bounds_of(filters: Sequence[Filter]) -> Bounds:
    """Return a range for each field that contains all matching numbers. Negated filters and gaps are not expressed."""
    return Bounds(
        *_hull(filters, "downloads_30d"),
        *_hull(filters, "size_bytes"),
        *_hull(filters, "stars"),
        *map(_to_time, _hull(filters, "pushed_at")),
        *map(_to_time, _hull(filters, "pulled_at")),
    )


def is_within_bounds(condition: Filter) -> bool:
    """Return whether the bounds express the filter exactly. A filter without bounds still requires a number."""
    return (
        isinstance(condition, NumberFilter)
        and not condition.is_negated
        and len(condition.ranges) == 1
        and condition.ranges[0] != (None, None)
    )


def _hull(filters: Sequence[Filter], field: NumberField) -> tuple[int | None, int | None]:
    low: int | None = None
    high: int | None = None
    for condition in filters:
        if not isinstance(condition, NumberFilter) or condition.field != field or condition.is_negated:
            continue
        lows = [each.low for each in condition.ranges]
        highs = [each.high for each in condition.ranges]
        if lows and None not in lows:
            least = min(value for value in lows if value is not None)
            low = least if low is None else max(low, least)
        if highs and None not in highs:
            most = max(value for value in highs if value is not None)
            high = most if high is None else min(high, most)
    return _clamped(low), _clamped(high)


def _clamped(value: int | None) -> int | None:
    return None if value is None else max(-_MAX, min(value, _MAX))


def _to_time(micros: int | None) -> datetime | None:
    if micros is None:
        return None
    try:
        return from_micros(micros)
    except OverflowError:
        return _TIMES[micros > 0]
