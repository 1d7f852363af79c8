"""What is to be asked of a registry again because what is known of it contradicts itself."""

from collections.abc import Iterable
from datetime import timedelta

from regdex.database import Connection


async def enqueue_rechecks(conn: Connection, tags: Iterable[tuple[int, str]], *, delay: timedelta) -> None:
    """Queue (repository_id, tag) to be asked for after `delay`; what is queued already keeps its place."""
    await conn.execute(
        """
        INSERT INTO recheck_queue (repository_id, tag, next_attempt_at)
        SELECT repository_id, tag, now() + $3
          FROM unnest($1::bigint[], $2::text[]) AS asked (repository_id, tag)
            ON CONFLICT DO NOTHING
        """,
        *zip(*sorted(set(tags)), strict=True),
        delay,
    )
