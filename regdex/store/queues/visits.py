"""SQL of the repositories that a full read has visited: whether each was read in full, and which are left to visit."""

from collections.abc import Sequence
from typing import NamedTuple

from regdex.database import Connection, Database


class Visit(NamedTuple):
    """The result of a run for one repository; `problem` says why it was not read in full, None if it was."""

    repository_id: int
    problem: str | None
    left_catalog: bool


class KnownRepository(NamedTuple):
    id: int
    name: str


async def list_unvisited(
    db: Database, backfill_id: int, registry_id: int, *, everything: bool, after: int, limit: int
) -> list[KnownRepository]:
    """Return repositories that a run has not read yet, by id after `after`.

    Empty repositories are included only with `everything`.
    """
    rows = await db.fetch(
        """
        SELECT repository.id, repository.name
          FROM repository
         WHERE repository.registry_id = $2 AND repository.id > $4
           AND ($3 OR repository.tag_count > 0 OR repository.manifest_count > 0)
           AND NOT EXISTS (
               SELECT FROM backfill_listed AS listed
                WHERE listed.repository_id = repository.id AND listed.backfill_id = $1
               )
         ORDER BY repository.id
         LIMIT $5
        """,
        backfill_id,
        registry_id,
        everything,
        after,
        limit,
    )
    return [KnownRepository(**row) for row in rows]


async def list_visited(db: Database, backfill_id: int, registry_id: int, names: Sequence[str]) -> set[str]:
    """Return the repositories among `names` that the run has already visited."""
    rows = await db.fetch(
        """
        SELECT repository.name
          FROM repository
          JOIN backfill_listed AS listed ON listed.repository_id = repository.id AND listed.backfill_id = $1
         WHERE repository.registry_id = $2 AND repository.name = ANY ($3::text[])
        """,
        backfill_id,
        registry_id,
        list(names),
    )
    return {row["name"] for row in rows}


async def add_visits(conn: Connection, backfill_id: int, visits: Sequence[Visit]) -> None:
    """Store the results for repositories; a `problem` stored earlier in this run is kept."""
    await conn.execute(
        """
        INSERT INTO backfill_listed AS listed (repository_id, backfill_id, problem, left_catalog)
        SELECT repository_id, $1, problem, left_catalog
          FROM unnest($2::bigint[], $3::text[], $4::boolean[]) AS visit (repository_id, problem, left_catalog)
            ON CONFLICT (repository_id, backfill_id) DO UPDATE
           SET problem = coalesce(listed.problem, excluded.problem)
        """,
        backfill_id,
        [visit.repository_id for visit in visits],
        [visit.problem for visit in visits],
        [visit.left_catalog for visit in visits],
    )


async def list_unread(conn: Connection, backfill_id: int) -> list[int]:
    """Return ids of the repositories that the run has not read in full."""
    rows = await conn.fetch(
        "SELECT repository_id FROM backfill_listed WHERE backfill_id = $1 AND problem IS NOT NULL", backfill_id
    )
    return [row["repository_id"] for row in rows]


async def open_unread_gaps(conn: Connection, backfill_id: int) -> None:
    """Open gaps of moves and deletes, from the start of the run, for the repositories it has not read in full."""
    await conn.execute(
        """
        INSERT INTO gap (registry_id, subject, repository_id, since, reason, detail)
        SELECT run.registry_id, subject, listed.repository_id, run.started_at,
               CASE WHEN listed.left_catalog THEN 'left_catalog' ELSE 'unreadable' END, listed.problem
          FROM backfill_listed AS listed
          JOIN backfill AS run ON run.id = listed.backfill_id
         CROSS JOIN unnest('{moves,deletes}'::text[]) AS subject
         WHERE listed.backfill_id = $1 AND listed.problem IS NOT NULL
            ON CONFLICT (registry_id, subject, coalesce(repository_id, 0), reason) WHERE until IS NULL DO UPDATE
           SET detail = excluded.detail
         WHERE gap.detail <> excluded.detail
        """,
        backfill_id,
    )
