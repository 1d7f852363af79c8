"""Appends to the three logs of observations.

Rows change in two cases only: a confirmed scan is extended, and an event of which an earlier receipt becomes known
moves to that receipt.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from regdex.database import Connection
from regdex.events import Source


class TagRow(NamedTuple):
    """A row of tag_event. `digest_id` None: deleted. `told_at` is None for scans and for events without a time."""

    repository_id: int
    tag: str
    at: datetime
    event_key: UUID
    digest_id: int | None
    actor_id: int | None
    source: Source
    exact: bool
    confirmed_at: datetime | None = None
    told_at: datetime | None = None
    told_nanos: int | None = None
    position: int | None = None


class ManifestRow(NamedTuple):
    """A row of manifest_event; times as in TagRow."""

    repository_id: int
    digest_id: int
    at: datetime
    event_key: UUID
    present: bool
    takes_tags: bool
    actor_id: int | None
    source: Source
    exact: bool
    confirmed_at: datetime | None = None
    told_at: datetime | None = None
    told_nanos: int | None = None
    position: int | None = None


class RepositoryRow(NamedTuple):
    """A row of repository_event, the deletion of a repository. Times as in TagRow."""

    repository_id: int
    at: datetime
    event_key: UUID
    actor_id: int | None
    source: Source
    exact: bool
    told_at: datetime | None = None
    told_nanos: int | None = None
    position: int | None = None


async def add_tag_rows(conn: Connection, rows: Iterable[TagRow]) -> set[tuple[int, str]]:
    """Append rows, or move them to an earlier receipt. Returns repository and tag of the rows that changed."""
    changed = await conn.fetch(
        """
        WITH given AS (
            SELECT *
              FROM unnest($1::bigint[], $2::text[], $3::timestamptz[], $4::uuid[], $5::bigint[], $6::bigint[],
                          $7::smallint[], $8::boolean[], $9::timestamptz[], $10::timestamptz[], $11::smallint[],
                          $12::bigint[])
                AS given (repository_id, tag, at, event_key, digest_id, actor_id, source, exact, confirmed_at, told_at,
                          told_nanos, position)
        ), known AS (
            SELECT given.repository_id, given.tag, given.event_key, log.at, log.position
              FROM given
             CROSS JOIN LATERAL (
                   SELECT at, position
                     FROM tag_event
                    WHERE tag_event.repository_id = given.repository_id AND tag_event.tag = given.tag
                      AND tag_event.at = coalesce(given.told_at, given.at) AND tag_event.event_key = given.event_key
                    UNION ALL
                   SELECT at, position
                     FROM tag_event
                    WHERE tag_event.repository_id = given.repository_id AND tag_event.event_key = given.event_key
                      AND tag_event.source = 1 AND (NOT tag_event.exact OR tag_event.told_at IS NOT NULL)
                      AND tag_event.tag = given.tag
                    LIMIT 1) AS log
        ), moved AS (
            UPDATE tag_event
               SET at = least(tag_event.at, given.at),
                   exact = CASE WHEN given.at < tag_event.at THEN given.exact ELSE tag_event.exact END,
                   told_at = CASE WHEN given.at < tag_event.at THEN nullif(given.told_at, given.at)
                                  ELSE tag_event.told_at END,
                   position = least(tag_event.position, given.position)
              FROM given
              JOIN known USING (repository_id, tag, event_key)
             WHERE tag_event.repository_id = given.repository_id AND tag_event.tag = given.tag
               AND tag_event.at = known.at AND tag_event.event_key = given.event_key
               AND given.source = 1 AND (given.at < known.at OR given.position < known.position)
            RETURNING tag_event.repository_id, tag_event.tag
        ), added AS (
            INSERT INTO tag_event (repository_id, tag, at, event_key, digest_id, actor_id, source, exact, confirmed_at,
                                   told_at, told_nanos, position)
            SELECT repository_id, tag, at, event_key, digest_id, actor_id, source, exact, confirmed_at,
                   nullif(told_at, at), nullif(told_nanos, 0), position
              FROM given
             WHERE NOT EXISTS (
                   SELECT FROM known
                    WHERE known.repository_id = given.repository_id AND known.tag = given.tag
                      AND known.event_key = given.event_key)
                ON CONFLICT DO NOTHING
            RETURNING repository_id, tag
        )
        SELECT repository_id, tag FROM moved UNION SELECT repository_id, tag FROM added
        """,
        *zip(*sorted(rows, key=lambda row: row[:4]), strict=True),
    )
    return {(row["repository_id"], row["tag"]) for row in changed}


async def add_manifest_rows(conn: Connection, rows: Iterable[ManifestRow]) -> dict[tuple[int, int, UUID], bool]:
    """As `add_tag_rows`. Returns, by repository, digest and key of each row that changed, whether it moved."""
    changed = await conn.fetch(
        """
        WITH given AS (
            SELECT *
              FROM unnest($1::bigint[], $2::bigint[], $3::timestamptz[], $4::uuid[], $5::boolean[], $6::boolean[],
                          $7::bigint[], $8::smallint[], $9::boolean[], $10::timestamptz[], $11::timestamptz[],
                          $12::smallint[], $13::bigint[])
                AS given (repository_id, digest_id, at, event_key, present, takes_tags, actor_id, source, exact,
                          confirmed_at, told_at, told_nanos, position)
        ), known AS (
            SELECT given.repository_id, given.digest_id, given.event_key, log.at, log.position
              FROM given
             CROSS JOIN LATERAL (
                   SELECT at, position
                     FROM manifest_event AS held
                    WHERE held.repository_id = given.repository_id AND held.digest_id = given.digest_id
                      AND held.at = coalesce(given.told_at, given.at) AND held.event_key = given.event_key
                    UNION ALL
                   SELECT at, position
                     FROM manifest_event AS held
                    WHERE held.repository_id = given.repository_id AND held.event_key = given.event_key
                      AND held.source = 1 AND (NOT held.exact OR held.told_at IS NOT NULL)
                      AND held.digest_id = given.digest_id
                    LIMIT 1) AS log
        ), moved AS (
            UPDATE manifest_event AS held
               SET at = least(held.at, given.at),
                   exact = CASE WHEN given.at < held.at THEN given.exact ELSE held.exact END,
                   told_at = CASE WHEN given.at < held.at THEN nullif(given.told_at, given.at) ELSE held.told_at END,
                   position = least(held.position, given.position)
              FROM given
              JOIN known USING (repository_id, digest_id, event_key)
             WHERE held.repository_id = given.repository_id AND held.digest_id = given.digest_id
               AND held.at = known.at AND held.event_key = given.event_key
               AND given.source = 1 AND (given.at < known.at OR given.position < known.position)
            RETURNING held.repository_id, held.digest_id, held.event_key
        ), added AS (
            INSERT INTO manifest_event (repository_id, digest_id, at, event_key, present, takes_tags, actor_id, source,
                                        exact, confirmed_at, told_at, told_nanos, position)
            SELECT repository_id, digest_id, at, event_key, present, takes_tags, actor_id, source, exact, confirmed_at,
                   nullif(told_at, at), nullif(told_nanos, 0), position
              FROM given
             WHERE NOT EXISTS (
                   SELECT FROM known
                    WHERE known.repository_id = given.repository_id AND known.digest_id = given.digest_id
                      AND known.event_key = given.event_key)
                ON CONFLICT DO NOTHING
            RETURNING repository_id, digest_id, event_key
        )
        SELECT repository_id, digest_id, event_key, true AS is_moved FROM moved
         UNION ALL
        SELECT repository_id, digest_id, event_key, false AS is_moved FROM added
        """,
        *zip(*sorted(rows, key=lambda row: row[:4]), strict=True),
    )
    return {(row["repository_id"], row["digest_id"], row["event_key"]): row["is_moved"] for row in changed}


async def add_repository_rows(conn: Connection, rows: Iterable[RepositoryRow]) -> set[int]:
    """As `add_tag_rows`. Returns the repositories of the rows that changed."""
    changed = await conn.fetch(
        """
        WITH given AS (
            SELECT *
              FROM unnest($1::bigint[], $2::timestamptz[], $3::uuid[], $4::bigint[], $5::smallint[], $6::boolean[],
                          $7::timestamptz[], $8::smallint[], $9::bigint[])
                AS given (repository_id, at, event_key, actor_id, source, exact, told_at, told_nanos, position)
        ), moved AS (
            UPDATE repository_event AS held
               SET at = least(held.at, given.at),
                   exact = CASE WHEN given.at < held.at THEN given.exact ELSE held.exact END,
                   told_at = CASE WHEN given.at < held.at THEN nullif(given.told_at, given.at) ELSE held.told_at END,
                   position = least(held.position, given.position)
              FROM given
             WHERE held.repository_id = given.repository_id AND held.event_key = given.event_key
               AND (given.at < held.at OR given.position < held.position)
            RETURNING held.repository_id
        ), added AS (
            INSERT INTO repository_event (repository_id, at, event_key, actor_id, source, exact, told_at, told_nanos,
                                          position)
            SELECT repository_id, at, event_key, actor_id, source, exact, nullif(told_at, at), nullif(told_nanos, 0),
                   position
              FROM given
             WHERE NOT EXISTS (
                   SELECT FROM repository_event AS held
                    WHERE held.repository_id = given.repository_id AND held.event_key = given.event_key)
                ON CONFLICT DO NOTHING
            RETURNING repository_id
        )
        SELECT repository_id FROM moved UNION SELECT repository_id FROM added
        """,
        *zip(*sorted(rows, key=lambda row: row[:3]), strict=True),
    )
    return {row["repository_id"] for row in changed}


async def confirm_tag_scans(conn: Connection, scans: Sequence[tuple[int, str, datetime, UUID, datetime]]) -> None:
    """Set the time at which scans, identified by their key, were last confirmed."""
    await conn.execute(
        """
        UPDATE tag_event
           SET confirmed_at = greatest(tag_event.confirmed_at, scan.confirmed_at)
          FROM unnest($1::bigint[], $2::text[], $3::timestamptz[], $4::uuid[], $5::timestamptz[])
            AS scan (repository_id, tag, at, event_key, confirmed_at)
         WHERE tag_event.repository_id = scan.repository_id AND tag_event.tag = scan.tag
           AND tag_event.at = scan.at AND tag_event.event_key = scan.event_key
        """,
        *zip(*sorted(scans), strict=True),
    )


async def confirm_manifest_scans(conn: Connection, scans: Sequence[tuple[int, int, datetime, UUID, datetime]]) -> None:
    """Set the time at which scans, identified by their key, were last confirmed."""
    await conn.execute(
        """
        UPDATE manifest_event
           SET confirmed_at = greatest(manifest_event.confirmed_at, scan.confirmed_at)
          FROM unnest($1::bigint[], $2::bigint[], $3::timestamptz[], $4::uuid[], $5::timestamptz[])
            AS scan (repository_id, digest_id, at, event_key, confirmed_at)
         WHERE manifest_event.repository_id = scan.repository_id AND manifest_event.digest_id = scan.digest_id
           AND manifest_event.at = scan.at AND manifest_event.event_key = scan.event_key
        """,
        *zip(*sorted(scans), strict=True),
    )
