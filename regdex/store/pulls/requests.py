"""SQL of single manifest requests: the table `pull_event`.

Writers lock the rows of the repositories (FOR NO KEY UPDATE), so that one transaction at a time derives a repository.
Before that they share the facts lock; a transaction that changes the manifest facts used by counting holds it alone.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import asyncpg

from regdex.database import LOCK_FACTS, Connection

_DAY = timedelta(days=1)


class RequestRow(NamedTuple):
    """A row of `pull_event`; `told_at` is None if it equals `at`, or if the event had no time, which is not `exact`."""

    repository_id: int
    at: datetime
    event_key: UUID
    digest_id: int
    client_id: int
    consumed_by: UUID | None
    is_head: bool
    tag: str | None
    told_at: datetime | None
    exact: bool


async def share_facts(conn: Connection) -> None:
    """Keep manifest facts unchanged until the transaction ends (shared lock)."""
    await conn.execute("SELECT pg_advisory_xact_lock_shared($1)", LOCK_FACTS)


async def own_facts(conn: Connection) -> None:
    """Wait for all transactions that count, and block new ones until this transaction ends (exclusive lock)."""
    await conn.execute("SELECT pg_advisory_xact_lock($1)", LOCK_FACTS)


class Clock(NamedTuple):
    """Times by the database's clock: pulls from `oldest` to `newest` are accepted; `today` is in UTC."""

    oldest: datetime
    newest: datetime
    today: date


async def read_clock(conn: Connection, *, retention_days: int) -> Clock:
    """Return the times between which pulls are accepted.

    Repeats of older pulls could no longer be detected; later ones come from a wrong clock.
    """
    row = await conn.fetchrow(
        """
        SELECT greatest(now() - make_interval(days => $1), pulls_since::timestamp AT TIME ZONE 'UTC') AS oldest,
               now() + interval '1 day' AS newest,
               (now() AT TIME ZONE 'UTC')::date AS today
          FROM instance
        """,
        retention_days,
    )
    assert row is not None  # noqa: S101 - the table has one row
    return Clock(*row)


async def list_requests(
    conn: Connection,
    repository_ids: Sequence[int],
    client_ids: Sequence[int],
    since: Sequence[datetime],
    until: Sequence[datetime],
) -> list[asyncpg.Record]:
    """Return stored requests of each span (repository, client, since, until), with the number of the span from 1."""
    return await conn.fetch(
        """
        SELECT span.number, pull.at, pull.told_at, pull.event_key, pull.digest_id, pull.is_head, pull.tag,
               pull.consumed_by
          FROM unnest($1::bigint[], $2::bigint[], $3::timestamptz[], $4::timestamptz[]) WITH ORDINALITY
               AS span (repository_id, client_id, since, until, number)
         CROSS JOIN LATERAL (
               SELECT at, told_at, event_key, digest_id, is_head, tag, consumed_by
                 FROM pull_event
                WHERE repository_id = span.repository_id AND client_id = span.client_id
                  AND at BETWEEN span.since AND span.until
                  AND at BETWEEN $5 AND $6
               OFFSET 0
         ) AS pull
        """,
        repository_ids,
        client_ids,
        since,
        until,
        min(since),
        max(until),
    )


async def find_received(
    conn: Connection, pulls: Sequence[tuple[int, int, UUID, datetime, datetime | None]]
) -> list[asyncpg.Record]:
    """Return which of (repository, client, key, at, told_at) are stored under a time that may come from their receipt.

    The row of an event with a time lies within the day before that time; without a time it may lie anywhere.
    """
    if not pulls:
        return []
    return await conn.fetch(
        """
        WITH asked AS (
            SELECT repository_id, client_id, event_key, at, told_at,
                   CASE WHEN told_at IS NULL THEN '-infinity' ELSE told_at - interval '1 day' END AS since,
                   coalesce(told_at, 'infinity') AS until
              FROM unnest($1::bigint[], $2::bigint[], $3::uuid[], $4::timestamptz[], $5::timestamptz[])
                AS asked (repository_id, client_id, event_key, at, told_at)
        )
        SELECT asked.repository_id, asked.client_id, asked.event_key, pull.at
          FROM asked
         CROSS JOIN LATERAL (
               SELECT at
                 FROM pull_event
                WHERE repository_id = asked.repository_id AND event_key = asked.event_key
                  AND client_id = asked.client_id AND (NOT exact OR told_at IS NOT NULL)
                  AND at BETWEEN asked.since AND asked.until
                  AND at BETWEEN $6 AND $7
               OFFSET 0) AS pull
         UNION ALL
        SELECT asked.repository_id, asked.client_id, asked.event_key, pull.at
          FROM asked
          JOIN pull_event AS pull
            ON pull.repository_id = asked.repository_id AND pull.client_id = asked.client_id
           AND pull.at = asked.told_at AND pull.event_key = asked.event_key AND pull.at BETWEEN $6 AND $7
         WHERE asked.told_at > asked.at
        """,
        *zip(*pulls, strict=True),
        *_bounds(pulls),
    )


def _bounds(pulls: Sequence[tuple[int, int, UUID, datetime, datetime | None]]) -> tuple[datetime, datetime]:
    """Return the times between which all `pulls` may be stored, so that other partitions are not read."""
    told = [told_at for *_, told_at in pulls]
    known = [at for at in told if at is not None]
    if len(known) < len(told):
        return datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    return min(known) - _DAY, max(known)


async def remove_requests(conn: Connection, rows: Sequence[tuple[int, int, datetime, UUID]]) -> None:
    """Delete requests, given as (repository, client, at, key)."""
    await conn.execute(
        """
        DELETE FROM pull_event AS pull
         USING unnest($1::bigint[], $2::bigint[], $3::timestamptz[], $4::uuid[])
            AS gone (repository_id, client_id, at, event_key)
         WHERE pull.repository_id = gone.repository_id AND pull.client_id = gone.client_id AND pull.at = gone.at
           AND pull.event_key = gone.event_key
        """,
        *zip(*rows, strict=True),
    )


async def add_requests(conn: Connection, rows: Sequence[RequestRow]) -> None:
    """Insert requests, which must not exist yet."""
    await conn.copy_records_to_table("pull_event", records=rows, columns=RequestRow._fields)


async def list_requests_of(conn: Connection, digest_ids: Sequence[int]) -> list[asyncpg.Record]:
    """Return repository, client and time of all requests for any of these digests."""
    return await conn.fetch(
        """
        SELECT repository_id, client_id, at
          FROM pull_event
         WHERE digest_id = ANY ($1::bigint[])
        """,
        digest_ids,
    )


async def list_last_gets(conn: Connection, repository_id: int, *, before: datetime, limit: int) -> list[asyncpg.Record]:
    """Return (at, digest_id) of the last GETs by clients before a time, newest first, without GETs by artifact tags."""
    return await conn.fetch(
        """
        SELECT pull.at, pull.digest_id
          FROM pull_event AS pull
          JOIN client ON client.id = pull.client_id AND client.class = 1
          LEFT JOIN pull_event AS head
            ON head.repository_id = pull.repository_id AND head.client_id = pull.client_id
           AND head.at BETWEEN pull.at - interval '60 seconds' AND pull.at
           AND head.consumed_by = pull.event_key AND head.is_head
         WHERE pull.repository_id = $1 AND pull.at < $2 AND NOT pull.is_head
           AND spelled_digest(coalesce(pull.tag, head.tag)) IS NULL
         ORDER BY pull.at DESC
         LIMIT $3
        """,
        repository_id,
        before,
        limit,
    )


async def set_consumers(
    conn: Connection,
    repository_ids: Sequence[int],
    client_ids: Sequence[int],
    at: Sequence[datetime],
    keys: Sequence[UUID],
    consumers: Sequence[UUID | None],
) -> None:
    """Update `consumed_by` of these requests."""
    await conn.execute(
        """
        UPDATE pull_event AS pull
           SET consumed_by = changed.consumed_by
          FROM unnest($1::bigint[], $2::bigint[], $3::timestamptz[], $4::uuid[], $5::uuid[])
               AS changed (repository_id, client_id, at, event_key, consumed_by)
         WHERE pull.repository_id = changed.repository_id AND pull.client_id = changed.client_id
           AND pull.at = changed.at AND pull.event_key = changed.event_key
           AND pull.at BETWEEN $6 AND $7
        """,
        repository_ids,
        client_ids,
        at,
        keys,
        consumers,
        min(at),
        max(at),
    )


async def list_client_classes(conn: Connection, client_ids: Sequence[int]) -> dict[int, int]:
    rows = await conn.fetch("SELECT id, class FROM client WHERE id = ANY ($1::bigint[])", client_ids)
    return {row["id"]: row["class"] for row in rows}
