"""SQL of watermarks: how far the events of registries are recorded, and whether an answer may be incomplete."""

from datetime import datetime
from typing import NamedTuple

import asyncpg

from regdex.database import Database
from regdex.store.catalog.gaps import Subject


class Spoken(NamedTuple):
    """The scope of an answer, for which `complete` is computed.

    `reference` is a tag or a digest, None for all tags; `since` and `until` default to now. With `since_first_seen`, a
    missing `since` is when the tag was first seen.
    """

    subjects: tuple[Subject, ...]
    reference: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    since_first_seen: bool = False


async def get_watermark(db: Database, registry: str, spoken: Spoken) -> asyncpg.Record:
    """Return `indexed_through` and `complete` of a registry; '' means the minimum over all that are not paused."""
    row = await db.fetchrow(
        """
        SELECT CASE WHEN bool_or(known_through(registry, $2) IS NULL) THEN NULL
                    ELSE min(known_through(registry, $2)) END AS indexed_through,
               coalesce(bool_and(is_complete(registry, NULL, NULL, $2, coalesce($3, now()), coalesce($4, now()))),
                        false) AS complete
          FROM registry
         WHERE CASE WHEN $1 = '' THEN NOT paused ELSE name = $1 END
        """,
        registry,
        list(spoken.subjects),
        spoken.since,
        spoken.until,
    )
    assert row is not None  # noqa: S101 - an aggregate without GROUP BY is one row
    return row
