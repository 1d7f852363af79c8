"""The order of tags in lists: by time, then by version, then by name. SQL has the same rules (0005, 0010)."""

import re
from datetime import UTC, datetime
from functools import lru_cache

from regdex.events import Source

# Reproducible builds give images a creation time in 1970 or 1980, which says nothing.
BELIEVABLE_SINCE = datetime(1990, 1, 1, tzinfo=UTC)

MAX_DIGITS = 70

_is_version = re.compile(r"[vV]?[0-9]").match
_is_hash = re.compile(r"(?=[0-9]*[a-f])[0-9a-f]{7,64}").fullmatch
_find_pairs = re.compile(r"([^0-9]*)([0-9]*)").findall
_PRERELEASES = frozenset(
    ("alpha", "beta", "canary", "cr", "dev", "milestone", "nightly", "pre", "preview", "rc", "snapshot")
)
_SHORT_PRERELEASES = frozenset("abcm")


def sort_time(
    exact: bool, pushed_at: datetime, not_before: datetime | None, created_at: datetime | None, source: int
) -> datetime:
    """Return the time that a tag is sorted by. `pushed_at` is the push if `exact`, else when a scan first saw the tag.

    If not `exact`, use the creation time of the image if it lies between 1990 and `pushed_at`, but never a time before
    `not_before`, when the tag is known to have pointed to another digest. Without such a time, use the beginning of the
    day on which a scan found the tag first: scans come to tags in the order of their names.
    """
    if exact:
        return pushed_at
    if created_at is not None and BELIEVABLE_SINCE <= created_at <= pushed_at:
        return max(created_at, not_before or created_at)
    if source == Source.SCAN and not_before is None:
        return pushed_at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return pushed_at


@lru_cache(maxsize=4096)
def version_key(tag: str) -> str:
    """Return a key that orders tags by version; a greater key is a newer version.

    `latest` comes after all versions. Names that do not begin with a version come before them, ordered from their first
    digit on. Numbers of up to 70 digits are compared as numbers: the key has the count of digits before them.
    `1.0-rc.1` < `1.0-alpine` < `1.0` < `1.0-1` < `1.0.1`: the key has `!` before a pre-release, `#` before a variant
    and `$` at the end. These three sort in this order, and before every character of a tag.
    """
    rank = "2" if tag == "latest" else "1" if _is_version(tag) and not _is_hash(tag) else "0"
    (_, digits), *rest = _find_pairs(tag.lower().replace("_", "-"))
    pieces = [rank, _number(digits)]
    for text, digits in rest:
        pieces += (_word(text, digits), _number(digits))
    return "".join(pieces) + "$"


def _word(text: str, digits: str) -> str:
    """Return the key of the text between two numbers, or after the last one (`digits` is then empty)."""
    word = text.strip(".-")
    first = text.lstrip(".-").replace(".", "-").partition("-")[0]
    if first in _PRERELEASES or (word in _SHORT_PRERELEASES and digits):
        return f"!{word}"
    return f"#{text[1:]}" if "-a" <= text < "-{" else text


def _number(digits: str) -> str:
    """Return the digits after one character that stands for their count, beginning with `0` for none."""
    significant = digits.lstrip("0")
    return chr(ord("0") + min(len(significant), MAX_DIGITS)) + significant if digits else ""
