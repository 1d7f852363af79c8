"""The three logs of observations: what is appended to them. Only a scan is ever changed: extended, when confirmed."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from regdex.database import Connection
from regdex.events import Source


class TagRow(NamedTuple):
    """A row of tag_event; `digest_id` None is gone."""

    repository_id: int
    tag: str
    at: datetime
    event_key: UUID
    digest_id: int | None
    actor_id: int | None
    source: Source
    exact: bool
    confirmed_at: datetime | None = None


class ManifestRow(NamedTuple):
    """A row of manifest_event."""

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


class RepositoryRow(NamedTuple):
    """A row of repository_event: it is gone."""

    repository_id: int
    at: datetime
    event_key: UUID
    actor_id: int | None
    source: Source
    exact: bool


async def add_tag_rows(conn: Connection, rows: Iterable[TagRow]) -> set[tuple[int, str]]:
    """Append; what is there already is left as it is. Returns repository_id and tag of the rows that are new."""
    added = await conn.fetch(
        """
        INSERT INTO tag_event (repository_id, tag, at, event_key, digest_id, actor_id, source, exact, confirmed_at)
        SELECT repository_id, tag, at, event_key, digest_id, actor_id, source, exact, confirmed_at
          FROM unnest($1::bigint[], $2::text[], $3::timestamptz[], $4::uuid[], $5::bigint[], $6::bigint[],
                      $7::smallint[], $8::boolean[], $9::timestamptz[])
            AS added (repository_id, tag, at, event_key, digest_id, actor_id, source, exact, confirmed_at)
            ON CONFLICT DO NOTHING
        RETURNING repository_id, tag
        """,
        *zip(*sorted(rows, key=lambda row: row[:4]), strict=True),
    )
    return {(row[0], row[1]) for row in added}


async def add_manifest_rows(conn: Connection, rows: Iterable[ManifestRow]) -> set[tuple[int, int, datetime]]:
    """Append; what is there already is left as it is. Returns repository_id, digest_id, at of the rows that are new."""
    added = await conn.fetch(
        """
        INSERT INTO manifest_event (repository_id, digest_id, at, event_key, present, takes_tags, actor_id, source,
                                    exact, confirmed_at)
        SELECT repository_id, digest_id, at, event_key, present, takes_tags, actor_id, source, exact, confirmed_at
          FROM unnest($1::bigint[], $2::bigint[], $3::timestamptz[], $4::uuid[], $5::boolean[], $6::boolean[],
                      $7::bigint[], $8::smallint[], $9::boolean[], $10::timestamptz[])
            AS added (repository_id, digest_id, at, event_key, present, takes_tags, actor_id, source, exact,
                      confirmed_at)
            ON CONFLICT DO NOTHING
        RETURNING repository_id, digest_id, at
        """,
        *zip(*sorted(rows, key=lambda row: row[:4]), strict=True),
    )
    return {(row[0], row[1], row[2]) for row in added}


async def add_repository_rows(conn: Connection, rows: Iterable[RepositoryRow]) -> set[int]:
    """Append; what is there already is left as it is. Returns repository_id of the rows that are new."""
    added = await conn.fetch(
        """
        INSERT INTO repository_event (repository_id, at, event_key, actor_id, source, exact)
        SELECT repository_id, at, event_key, actor_id, source, exact
          FROM unnest($1::bigint[], $2::timestamptz[], $3::uuid[], $4::bigint[], $5::smallint[], $6::boolean[])
            AS added (repository_id, at, event_key, actor_id, source, exact)
            ON CONFLICT DO NOTHING
        RETURNING repository_id
        """,
        *zip(*sorted(rows, key=lambda row: row[:3]), strict=True),
    )
    return {row[0] for row in added}


async def confirm_tag_scans(conn: Connection, scans: Sequence[tuple[int, str, datetime, UUID, datetime]]) -> None:
    """Extend scans, by their key, to when they were confirmed."""
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
    """Extend scans, by their key, to when they were confirmed."""
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
