"""The heat of a repository: one number for its use, which orders equally good matches in every engine."""

import math
from datetime import UTC, datetime, timedelta

from regdex.search import Document

_ORIGIN = datetime(2020, 1, 1, tzinfo=UTC)
_HALF_LIFE = timedelta(days=90)


def heat(document: Document) -> float:
    """Return downloads and recency as one number from 0 on: in 2026 about 30 for a recent push, 50 for the busiest.

    Doubling the downloads adds as much as a push 90 days later. So downloads decay without rewriting documents, and
    numbers computed at different times stay comparable.
    """
    pushed_at = max(document.pushed_at or _ORIGIN, _ORIGIN)
    return math.log2(1 + max(document.downloads_30d, 0)) + (pushed_at - _ORIGIN) / _HALF_LIFE
