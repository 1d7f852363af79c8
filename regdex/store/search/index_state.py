"""SQL of the state of the search index: which index mirrors this database, and whether a rebuild is requested."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from regdex.database import Database
from regdex.search import Fingerprint


@dataclass(frozen=True, slots=True)
class IndexState:
    """`fingerprint` is of the index that mirrors this database, None before the first one exists.

    `replaces` is the id of the index that may still answer while that one is being built, otherwise empty;
    `lag_seconds` is the age of the oldest change that is not in the index.
    """

    database_id: str
    fingerprint: Fingerprint | None
    replaces: str
    lag_seconds: float
    rebuild_requested_at: datetime | None
    rebuilt_documents: int


async def get_index_state(db: Database) -> IndexState:
    row = await db.fetchrow(
        """
        SELECT i.database_id, i.index_fingerprint, i.rebuild_requested_at, i.rebuilt_documents,
               coalesce(greatest(extract(epoch FROM clock_timestamp() - o.oldest), 0), 0)::float8 AS lag_seconds
          FROM instance AS i
         CROSS JOIN (SELECT min(queued_at) AS oldest FROM outbox) AS o
        """
    )
    assert row is not None  # noqa: S101 - the table has one row
    stored: dict[str, Any] = dict(row["index_fingerprint"] or {})
    replaces = stored.pop("replaces", "")
    return IndexState(
        database_id=str(row["database_id"]),
        fingerprint=Fingerprint(**stored) if stored else None,
        replaces=replaces,
        lag_seconds=row["lag_seconds"],
        rebuild_requested_at=row["rebuild_requested_at"],
        rebuilt_documents=row["rebuilt_documents"],
    )


async def set_fingerprint(db: Database, fingerprint: Fingerprint, *, replaces: str = "") -> None:
    """Store which index mirrors this database; `replaces` is the index that answers while this one is being built."""
    stored = asdict(fingerprint) | ({"replaces": replaces} if replaces else {})
    await db.execute("UPDATE instance SET index_fingerprint = $1", stored)


async def request_rebuild(db: Database) -> datetime:
    """Request a rebuild from the publisher; while a request is open, returns its time."""
    requested_at: datetime = await db.fetchval(
        """
        WITH requested AS (
            UPDATE instance
               SET rebuild_requested_at = coalesce(rebuild_requested_at, clock_timestamp())
            RETURNING rebuild_requested_at
        )
        SELECT rebuild_requested_at FROM requested, LATERAL pg_notify('regdex_outbox', '')
        """
    )
    return requested_at


async def note_rebuilt(db: Database, documents: int) -> None:
    """Store how many documents a rebuild has written."""
    await db.execute("UPDATE instance SET rebuilt_documents = $1", documents)


async def finish_rebuild(db: Database, requested_at: datetime | None) -> None:
    """Close rebuild requests made up to and including `requested_at`."""
    await db.execute(
        "UPDATE instance SET rebuild_requested_at = NULL WHERE rebuild_requested_at <= $1",
        requested_at,
    )
