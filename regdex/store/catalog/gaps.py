"""Gaps: intervals of time in which something may be missing of a registry, by subject.

Subjects are `moves` (pushes and moves of tags), `deletes` and `pulls`. A full read closes gaps of moves and deletes;
no read heals a gap of pulls, which ends when deliveries come again and stays in the past.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal, NamedTuple

from regdex.database import Connection, Database

Subject = Literal["moves", "deletes", "pulls"]
READABLE: tuple[Subject, ...] = ("moves", "deletes")
# The beginning of a gap that has none; PostgreSQL's -infinity.
ALWAYS = datetime.min.replace(tzinfo=UTC)
ALL: tuple[Subject, ...] = ("moves", "deletes", "pulls")
# In place of a repository: the gap is of which repositories a registry has, and of none that is known.
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
    """Open gaps from `since` (None: now). One that is open for that reason begins at the earlier of the two times."""
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
    """Events may have been lost from `since` until now: moves and deletes until a full read, pulls for good."""
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
    """End the open gaps of a registry that have one of these reasons, `until` now where None."""
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
    """A full read that began at `read_at` ends all gaps of moves and deletes that were open by then.

    The repositories `unread` could not be read: whatever is closed for the registry stays open for them, under its
    reason, and what is open for them stays so.
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
    """A read of one repository that began at `read_at` ends the gaps of moves and deletes that are its own."""
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
    """What would be swept vanished at an unknown time since the registry was last read in full."""
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
    """A full read that began at `read_at` ends the doubt about deliveries that were refused for their secret.

    Where it found a difference, they were the registry's own: pulls are missing from the first of them until a delivery
    was accepted again.
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
    """A repository that could not be read, and why; `total` is how many there are."""

    repository: str
    reason: str
    total: int


async def list_unread(db: Database, projects: list[int] | None, registry: str, *, limit: int) -> list[Unread]:
    """Repositories that the last full read left as they were, the first by name, of those that the caller may see."""
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
