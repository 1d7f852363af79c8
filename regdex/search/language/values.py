"""Parses the values of filters: sizes, times and numbers become ranges of integers, texts become patterns.

Every function raises ValueError with the expected form; the caller adds the position.
"""

import re
from datetime import UTC, datetime, timedelta

from regdex.search.language.query import Pattern, Range, TextField
from regdex.times import parse_rfc3339, to_micros

_COMPARED = re.compile(r"(>=|<=|>|<|=)?(.*)", re.DOTALL)
_NUMBER = re.compile(r"(\d{1,15})(k|m)?", re.IGNORECASE | re.ASCII)
_SIZE = re.compile(r"(\d{1,12}(?:\.\d{1,6})?)\s?([kmgtp]i?)?b?", re.IGNORECASE | re.ASCII)
_AGE = re.compile(r"(\d{1,5})(h|d|w|mo|y)", re.IGNORECASE | re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)

_AGES = {
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
    "mo": timedelta(days=30),
    "y": timedelta(days=365),
}
_POWERS = {letter: power for power, letter in enumerate("kmgtp", start=1)}


def text_patterns(field: TextField, text: str, *, is_glob: bool) -> tuple[Pattern, ...]:
    """Return the patterns of a value of a text filter.

    A label without `=` is a key with any value. `linux/arm64` includes its variants; `arm64` matches every platform
    with that part.
    """
    if field == "label" and "=" not in text:
        return (Pattern(f"{text}=*", is_glob=True),)
    if field == "platform" and not is_glob and text:
        variants = Pattern(f"{text}/*", is_glob=True)
        if "/" in text:
            return (Pattern(text), variants)
        return (Pattern(text), variants, Pattern(f"*/{text}", is_glob=True), Pattern(f"*/{text}/*", is_glob=True))
    return (Pattern(text, is_glob),)


def parse_number(text: str) -> Range:
    """Parse a count such as `100`, `>=1k` or `<2m`; `k` means thousand and `m` million."""
    comparison, value = _compared(text)
    match = _NUMBER.fullmatch(value)
    if match is None:
        raise ValueError("must be a number such as 100, >=100 or <2k")
    number = int(match[1]) * {"": 1, "k": 1000, "m": 1_000_000}[(match[2] or "").lower()]
    return _range(comparison, number, number + 1)


def parse_size(text: str) -> Range:
    """Parse a size such as `<200MB`, `>=1.5GiB` or `1000` into bytes. Units are powers of 1000, with an `i` of 1024."""
    comparison, value = _compared(text)
    match = _SIZE.fullmatch(value)
    if match is None:
        raise ValueError("must be a size such as <200MB or >=1.5GiB")
    unit = (match[2] or "").lower()
    factor = (1024 if unit.endswith("i") else 1000) ** (_POWERS[unit[0]] if unit else 0)
    size = int(float(match[1]) * factor)
    return _range(comparison, size, size + 1)


def parse_time(text: str, *, now: datetime) -> Range:
    """Parse an age (`30d` is thirty days ago), a day in UTC (`2026-01-01`) or an RFC 3339 time. `>` means later.

    Without a comparison, an age means since then, and a day means that whole day. Units of ages are h, d, w, mo
    (30 days) and y (365 days).
    """
    comparison, value = _compared(text)
    age = _AGE.fullmatch(value)
    try:
        if age is not None:
            moment = now - int(age[1]) * _AGES[age[2].lower()]
            return _range(comparison or ">=", to_micros(moment), to_micros(moment) + 1)
        if _DAY.fullmatch(value):
            day = datetime.fromisoformat(value).replace(tzinfo=UTC)
            return _range(comparison, to_micros(day), to_micros(day + timedelta(days=1)))
        moment = parse_rfc3339(value)
        return _range(comparison, to_micros(moment), to_micros(moment) + 1)
    except (ValueError, OverflowError):
        raise ValueError("must be a time such as >30d, <2026-01-01 or >=2026-01-01T08:00:00Z") from None


def _compared(text: str) -> tuple[str, str]:
    match = _COMPARED.fullmatch(text)
    assert match is not None  # noqa: S101 - it matches everything
    return match[1] or "", match[2]


def _range(comparison: str, first: int, after: int) -> Range:
    """Return the range of a comparison with an interval from `first` (included) to `after` (excluded)."""
    match comparison:
        case ">":
            return Range(after, None)
        case ">=":
            return Range(first, None)
        case "<":
            return Range(None, first)
        case "<=":
            return Range(None, after)
        case _:
            return Range(first, after)
