"""SQL of user input: stars and descriptions. Each change queues the repository for publishing in its transaction."""

from regdex.database import Connection
from regdex.store.catalog.names import lock_repositories
from regdex.store.queues import outbox


async def set_description(conn: Connection, repository_id: int, description: str) -> None:
    """Override the description read from the images; an empty text removes the override."""
    changed = await conn.fetchval(
        """
        UPDATE repository
           SET description_override = nullif($2, '')
         WHERE id = $1 AND description_override IS DISTINCT FROM nullif($2, '')
        RETURNING id
        """,
        repository_id,
        description,
    )
    if changed is not None:
        await outbox.enqueue(conn, [repository_id])


async def add_star(conn: Connection, repository_id: int, user: str) -> int:
    """Add a user's star to a repository and return its number of stars; adding it twice changes nothing."""
    await lock_repositories(conn, [repository_id])
    added = await conn.fetchval(
        """
        INSERT INTO star (repository_id, user_name)
        VALUES ($1, $2)
            ON CONFLICT DO NOTHING
        RETURNING 1
        """,
        repository_id,
        user,
    )
    return await _count_stars(conn, repository_id, added or 0)


async def remove_star(conn: Connection, repository_id: int, user: str) -> int:
    """Remove a user's star from a repository and return its number of stars; without a star nothing changes."""
    await lock_repositories(conn, [repository_id])
    removed = await conn.fetchval(
        "DELETE FROM star WHERE repository_id = $1 AND user_name = $2 RETURNING 1", repository_id, user
    )
    return await _count_stars(conn, repository_id, -(removed or 0))


async def _count_stars(conn: Connection, repository_id: int, change: int) -> int:
    if not change:
        stars: int = await conn.fetchval("SELECT stars FROM repository WHERE id = $1", repository_id)
        return stars
    stars = await conn.fetchval(
        "UPDATE repository SET stars = stars + $2 WHERE id = $1 RETURNING stars", repository_id, change
    )
    await outbox.enqueue(conn, [repository_id])
    return stars
