"""SQL of gaps: intervals in which events of a registry may be missing, by subject.

Subjects are `moves` (pushes and moves of tags), `deletes` and `pulls`. A full read closes gaps of moves and deletes.
Pulls cannot be read later: a gap of pulls ends when deliveries arrive again and stays recorded for the past.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal, NamedTuple

from regdex.database import Connection, Database

Subject = Literal["moves", "deletes", "pulls"]
READABLE: tuple[Subject, ...] = ("moves", "deletes")
# The start of a gap without a known start; stored as -infinity.
ALWAYS = datetime.min.replace(tzinfo=UTC)
ALL: tuple[Subject, ...] = ("moves", "deletes", "pulls")
# Stored in place of a repository id: unknown repositories may be missing; known ones are not affected.
WHICH_REPOSITORIES = 0


async def open_gap(
    db: Database,
    registry_ids: Sequence[int],
    subjects: Sequence[Subject],
    *,
    reason: str,
    since: datetime | None = None,
    repository_id: int | None = None,
    detail: str = "",
) -> None:
    """Open gaps from `since` (None: now); a gap already open for this reason keeps the earlier start."""
    await db.execute(
        """
        INSERT INTO gap (registry_id, subject, repository_id, since, reason, detail)
        SELECT registry_id, subject, $4, coalesce($5, now()), $3, $6
          FROM unnest($1::bigint[]) AS registry_id, unnest($2::text[]) AS subject
         ORDER BY registry_id, subject
            ON CONFLICT (registry_id, subject, coalesce(repository_id, 0), reason) WHERE until IS NULL DO UPDATE
           SET since = least(gap.since, excluded.since), detail = excluded.detail
         WHERE gap.since > excluded.since OR gap.detail <> excluded.detail
        """,
        registry_ids,
        list(subjects),
        reason,
        repository_id,
        since,
        detail,
    )


async def note_lost_events(db: Database, registry_ids: Sequence[int], *, reason: str, since: datetime) -> None:
    """Record that events between `since` and now may be lost.

    The gap of moves and deletes stays open until a full read; the gap of pulls is permanent and ends now.
    """
    await open_gap(db, registry_ids, READABLE, reason=reason, since=since)
    await db.execute(
        """
        INSERT INTO gap (registry_id, subject, since, until, reason)
        SELECT registry_id, 'pulls', least($2, now()), now(), $3
          FROM unnest($1::bigint[]) AS registry_id
        """,
        registry_ids,
        since,
        reason,
    )


async def close_gaps(
    db: Database,
    registry_id: int,
    subjects: Sequence[Subject],
    *,
    reasons: Sequence[str],
    until: datetime | None = None,
) -> None:
    """Close the open gaps of a registry that have one of these reasons, at `until` (None: now)."""
    await db.execute(
        """
        UPDATE gap
           SET until = greatest(since, coalesce($4, now()))
         WHERE registry_id = $1 AND subject = ANY ($2::text[]) AND until IS NULL AND reason = ANY ($3::text[])
        """,
        registry_id,
        list(subjects),
        list(reasons),
        until,
    )


async def close_read_gaps(conn: Connection, registry_id: int, *, read_at: datetime, unread: Sequence[int]) -> None:
    """Close the gaps of moves and deletes that were open when a full read began at `read_at`.

    Gaps stay open for the repositories `unread`, which could not be read: a gap of the whole registry is copied to each
    of them with its reason before it is closed.
    """
    await conn.execute(
        """
        INSERT INTO gap (registry_id, subject, repository_id, since, reason, detail)
        SELECT gap.registry_id, gap.subject, unread.repository_id, gap.since, gap.reason, gap.detail
          FROM gap, unnest($3::bigint[]) AS unread (repository_id)
         WHERE gap.registry_id = $1 AND gap.subject = ANY ($4::text[]) AND gap.until IS NULL
           AND gap.repository_id IS NULL AND gap.since <= $2
            ON CONFLICT (registry_id, subject, coalesce(repository_id, 0), reason) WHERE until IS NULL DO UPDATE
           SET since = least(gap.since, excluded.since)
        """,
        registry_id,
        read_at,
        unread,
        list(READABLE),
    )
    await conn.execute(
        """
        UPDATE gap
           SET until = $2
         WHERE registry_id = $1 AND subject = ANY ($4::text[]) AND until IS NULL AND since <= $2
           AND (repository_id IS NULL OR repository_id <> ALL ($3::bigint[]))
        """,
        registry_id,
        read_at,
        unread,
        list(READABLE),
    )


async def close_repository_gaps(conn: Connection, repository_id: int, *, read_at: datetime) -> None:
    """Close the gaps of moves and deletes of one repository after a read of it that began at `read_at`."""
    await conn.execute(
        """
        UPDATE gap
           SET until = $2
         WHERE repository_id = $1 AND registry_id = (SELECT registry_id FROM repository WHERE id = $1)
           AND subject = ANY ($3::text[]) AND until IS NULL AND since <= $2
        """,
        repository_id,
        read_at,
        list(READABLE),
    )


async def open_blocked_sweep(
    conn: Connection, registry_id: int, *, detail: str, repository_id: int | None = None
) -> None:
    """Open a gap of deletes since the last full read, because a sweep was blocked and its deletions are unconfirmed."""
    await conn.execute(
        """
        INSERT INTO gap (registry_id, subject, repository_id, since, reason, detail)
        SELECT id, 'deletes', $3, coalesce(reconciled_at, '-infinity'), 'blocked_sweep', $2
          FROM registry
         WHERE id = $1
            ON CONFLICT (registry_id, subject, coalesce(repository_id, 0), reason) WHERE until IS NULL DO UPDATE
           SET detail = excluded.detail
         WHERE gap.detail <> excluded.detail
        """,
        registry_id,
        detail,
        repository_id,
    )


async def settle_refused(conn: Connection, registry_id: int, *, read_at: datetime, differs: bool) -> None:
    """Decide, after a full read that began at `read_at`, about deliveries refused for a wrong secret.

    If the read found a difference (`differs`), the refused deliveries were genuine: a gap of pulls is stored, from the
    first of them until a delivery was accepted again.
    """
    if differs:
        await conn.execute(
            """
            INSERT INTO gap (registry_id, subject, since, until, reason)
            SELECT id, 'pulls', refused_since,
                   greatest(refused_since, CASE WHEN accepted_at > refused_at THEN accepted_at ELSE $2 END), 'refused'
              FROM registry
             WHERE id = $1 AND refused_since <= $2
            """,
            registry_id,
            read_at,
        )
    await conn.execute(
        """
        UPDATE registry
           SET refused_since = CASE WHEN refused_at > $2 THEN $2 END
         WHERE id = $1 AND refused_since <= $2
        """,
        registry_id,
        read_at,
    )


class Unread(NamedTuple):
    """A repository that could not be read, and the reason; `total` is the number of such repositories."""

    repository: str
    reason: str
    total: int


async def list_unread(db: Database, projects: list[int] | None, registry: str, *, limit: int) -> list[Unread]:
    """Return the first repositories by name, of those visible to the caller, that the last full read could not read."""
    rows = await db.fetch(
        """
        SELECT r.name AS repository, min(gap.detail) AS reason, count(*) OVER () AS total
          FROM registry AS g
          JOIN gap ON gap.registry_id = g.id AND gap.subject = 'moves' AND gap.until IS NULL
           AND gap.reason IN ('unreadable', 'left_catalog')
          JOIN repository AS r ON r.id = gap.repository_id
         WHERE g.name = $2
           AND ($1::bigint[] IS NULL OR r.project_id = ANY ($1))
         GROUP BY r.name
         ORDER BY r.name
         LIMIT $3
        """,
        projects,
        registry,
        limit,
    )
    return [Unread(**row) for row in rows]
