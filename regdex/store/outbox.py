"""The outbox: repositories whose search document is out of date."""

from collections.abc import Sequence

from regdex.database import Database


async def enqueue(db: Database, repository_ids: Sequence[int]) -> None:
    """Queue repositories to be published; what is queued already gets a new version."""
    await db.execute(
        """
        WITH queued AS (
            INSERT INTO outbox (repository_id)
            SELECT id FROM unnest($1::bigint[]) AS changed (id) ORDER BY id
                ON CONFLICT (repository_id) DO UPDATE SET version = nextval('outbox_version')
            RETURNING repository_id
        )
        SELECT pg_notify('regdex_outbox', '') WHERE EXISTS (SELECT FROM queued)
        """,
        repository_ids,
    )
