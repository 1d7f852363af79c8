"""How much a repository is used, as one number: what orders hits that match alike, the same for every engine."""

import math
from datetime import UTC, datetime, timedelta

from regdex.search import Document

_ORIGIN = datetime(2020, 1, 1, tzinfo=UTC)
_HALF_LIFE = timedelta(days=90)


def heat(document: Document) -> float:
    """Downloads and recency, 0 and more; today about 30 for what was pushed lately, 50 for the busiest.

    One more power of two of downloads counts like a push 90 days later, so that downloads decay without being written
    again, and a number once computed stays comparable with later ones.
    """
    pushed_at = max(document.pushed_at or _ORIGIN, _ORIGIN)
    return math.log2(1 + max(document.downloads_30d, 0)) + (pushed_at - _ORIGIN) / _HALF_LIFE
