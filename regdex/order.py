"""The order that people see tags in: by time, then by version, then by name. SQL has the same (migration 0005)."""

import re
from datetime import UTC, datetime
from functools import lru_cache

# Images of reproducible builds are from 1970 or 1980, which is no time at all.
BELIEVABLE_SINCE = datetime(1990, 1, 1, tzinfo=UTC)

MAX_DIGITS = 70

_is_version = re.compile(r"[vV]?[0-9]").match
_is_hash = re.compile(r"(?=[0-9]*[a-f])[0-9a-f]{7,64}").fullmatch
_find_pairs = re.compile(r"([^0-9]*)([0-9]*)").findall
_PRERELEASES = frozenset(
    ("alpha", "beta", "canary", "cr", "dev", "milestone", "nightly", "pre", "preview", "rc", "snapshot")
)
_SHORT_PRERELEASES = frozenset("abcm")


def sort_time(exact: bool, pushed_at: datetime, not_before: datetime | None, created_at: datetime | None) -> datetime:
    """The time that a tag is sorted by; `pushed_at` is when it was pushed if `exact`, else when it was first seen.

    Without an exact push it is when the image was created, if that lies between 1990 and the first sighting, but not
    before a time at which the tag is known to have pointed elsewhere.
    """
    if exact or created_at is None or not BELIEVABLE_SINCE <= created_at <= pushed_at:
        return pushed_at
    return max(created_at, not_before or created_at)


@lru_cache(maxsize=4096)
def version_key(tag: str) -> str:
    """A text that orders tags by version, larger being newer.

    `latest` is above all versions; below are names that do not begin with a version, by what they have from their first
    digit on. Numbers of up to 70 digits are compared as numbers: the key has the count of digits before them.
    `1.0-rc.1` < `1.0-alpine` < `1.0` < `1.0-1` < `1.0.1`: the key has `!` before a pre-release, `#` before a variant
    and `$` at the end, in this order and below all that a name may have.
    """
    rank = "2" if tag == "latest" else "1" if _is_version(tag) and not _is_hash(tag) else "0"
    (_, digits), *rest = _find_pairs(tag.lower().replace("_", "-"))
    pieces = [rank, _number(digits)]
    for text, digits in rest:
        pieces += (_word(text, digits), _number(digits))
    return "".join(pieces) + "$"


def _word(text: str, digits: str) -> str:
    """What stands between two numbers, or behind the last one (`digits` is empty)."""
    word = text.strip(".-")
    first = text.lstrip(".-").replace(".", "-").partition("-")[0]
    if first in _PRERELEASES or (word in _SHORT_PRERELEASES and digits):
        return f"!{word}"
    return f"#{text[1:]}" if "-a" <= text < "-{" else text


def _number(digits: str) -> str:
    """The count of digits as one sign, from `0` for zero on, comes before them."""
    significant = digits.lstrip("0")
    return chr(ord("0") + min(len(significant), MAX_DIGITS)) + significant if digits else ""
