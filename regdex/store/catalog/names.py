"""SQL that maps names to ids: repositories with their projects, actors, clients. An id never changes.

Each `intern_…` function returns existing ids and inserts missing names in sorted order, so that concurrent writers wait
for each other instead of deadlocking. A writer of events interns names first and locks repositories last.
"""

from collections.abc import Iterable, Sequence

from regdex.database import Connection, Database
from regdex.reference import project_of


async def intern_repositories(conn: Connection, registry_id: int, names: Iterable[str]) -> dict[str, int]:
    """Return ids of repositories of one registry by name; missing ones are inserted, with their projects."""
    asked = set(names)
    known = await find_repositories(conn, registry_id, asked)
    while missing := sorted(asked - known.keys()):
        projects = [project_of(name) for name in missing]
        await conn.execute(
            """
            INSERT INTO project (registry_id, name)
            SELECT $1, asked.name FROM unnest($2::text[]) AS asked (name) ORDER BY asked.name
                ON CONFLICT DO NOTHING
            """,
            registry_id,
            sorted(set(projects)),
        )
        await conn.execute(
            """
            INSERT INTO repository (registry_id, project_id, name)
            SELECT $1, project.id, asked.name
              FROM unnest($2::text[], $3::text[]) AS asked (name, project)
              JOIN project ON project.registry_id = $1 AND project.name = asked.project
             ORDER BY asked.name
                ON CONFLICT DO NOTHING
            """,
            registry_id,
            missing,
            projects,
        )
        known |= await find_repositories(conn, registry_id, missing)
    return known


async def find_repositories(db: Database, registry_id: int, names: Iterable[str]) -> dict[str, int]:
    """Return ids of repositories of one registry by name; unknown names are left out."""
    rows = await db.fetch(
        "SELECT name, id FROM repository WHERE registry_id = $1 AND name = ANY ($2::text[])", registry_id, list(names)
    )
    return {row["name"]: row["id"] for row in rows}


async def list_repositories_of(conn: Connection, registry_id: int, projects: Iterable[str]) -> list[int]:
    """Return ids of the known repositories of these projects of a registry."""
    rows = await conn.fetch(
        """
        SELECT repository.id
          FROM repository
          JOIN project ON project.id = repository.project_id
         WHERE project.registry_id = $1 AND project.name = ANY ($2::text[])
        """,
        registry_id,
        list(projects),
    )
    return [row["id"] for row in rows]


async def lock_repositories(conn: Connection, repository_ids: Iterable[int]) -> None:
    """Lock repositories for writing until the transaction ends, in id order to avoid deadlocks."""
    await conn.execute(
        "SELECT id FROM repository WHERE id = ANY ($1::bigint[]) ORDER BY id FOR NO KEY UPDATE", sorted(repository_ids)
    )


async def intern_actors(conn: Connection, names: Iterable[str]) -> dict[str, int]:
    """Return ids of actors by name; the empty name means no actor and is left out."""
    asked = set(names) - {""}
    known = await _find_actors(conn, asked)
    while missing := sorted(asked - known.keys()):
        await conn.execute(
            """
            INSERT INTO actor (name)
            SELECT asked.name FROM unnest($1::text[]) AS asked (name) ORDER BY asked.name
                ON CONFLICT DO NOTHING
            """,
            missing,
        )
        known |= await _find_actors(conn, missing)
    return known


async def _find_actors(conn: Connection, names: Iterable[str]) -> dict[str, int]:
    asked = list(names)
    rows = await conn.fetch("SELECT name, id FROM actor WHERE name = ANY ($1::text[])", asked) if asked else []
    return {row["name"]: row["id"] for row in rows}


async def intern_clients(
    conn: Connection, clients: Sequence[tuple[str, str, str, int]]
) -> dict[tuple[str, str, str], int]:
    """Return ids of clients by (actor, address, user agent); the class given with each is stored for new ones only."""
    asked = {client[:3]: client for client in clients}
    known = await _find_clients(conn, asked)
    while missing := sorted(asked.keys() - known.keys()):
        await conn.execute(
            """
            INSERT INTO client (actor, address, user_agent, class)
            SELECT asked.actor, asked.address, asked.user_agent, asked.class
              FROM unnest($1::text[], $2::text[], $3::text[], $4::smallint[])
                AS asked (actor, address, user_agent, class)
             ORDER BY asked.actor, asked.address, asked.user_agent
                ON CONFLICT DO NOTHING
            """,
            *zip(*(asked[key] for key in missing), strict=True),
        )
        known |= await _find_clients(conn, missing)
    return known


async def _find_clients(conn: Connection, clients: Iterable[tuple[str, str, str]]) -> dict[tuple[str, str, str], int]:
    asked = list(clients)
    if not asked:
        return {}
    rows = await conn.fetch(
        """
        SELECT client.id, client.actor, client.address, client.user_agent
          FROM unnest($1::text[], $2::text[], $3::text[]) AS asked (actor, address, user_agent)
          JOIN client USING (actor, address, user_agent)
        """,
        *zip(*asked, strict=True),
    )
    return {(row["actor"], row["address"], row["user_agent"]): row["id"] for row in rows}
