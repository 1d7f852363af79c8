"""How far registries are known, and whether anything is known to be missing of what an answer speaks of."""

from datetime import datetime
from typing import NamedTuple

import asyncpg

from regdex.database import Database
from regdex.store.catalog.gaps import Subject


class Spoken(NamedTuple):
    """What an answer speaks of: `reference` is a tag or a digest, None for all tags; times are now where None.

    With `since_first_seen`, a time that does not begin begins when the tag was first seen.
    """

    subjects: tuple[Subject, ...]
    reference: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    since_first_seen: bool = False


async def get_watermark(db: Database, registry: str, spoken: Spoken) -> asyncpg.Record:
    """`indexed_through` and `complete` of a registry; of all that are not paused, the least, when `registry` is ''."""
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
