"""SQL of the outbox: repositories whose search document is out of date."""

from collections.abc import Sequence

import asyncpg

from regdex.database import Database


async def enqueue(db: Database, repository_ids: Sequence[int]) -> None:
    """Queue repositories for publishing; a repository already queued gets a new version."""
    await db.execute(
        """
        WITH queued AS (
            INSERT INTO outbox (repository_id)
            SELECT id FROM unnest($1::bigint[]) AS changed (id) ORDER BY id
                ON CONFLICT (repository_id) DO UPDATE
               SET version = nextval('outbox_version'), queued_at = least(outbox.queued_at, clock_timestamp())
            RETURNING repository_id
        )
        SELECT pg_notify('regdex_outbox', '') WHERE EXISTS (SELECT FROM queued)
        """,
        repository_ids,
    )


async def list_waiting(db: Database, *, limit: int) -> list[asyncpg.Record]:
    """Return up to `limit` repositories to publish, longest waiting first.

    `read_at` is a time before the caller reads their rows.
    """
    return await db.fetch(
        """
        SELECT repository_id, version, statement_timestamp() AS read_at
          FROM outbox
         WHERE queued_at <= clock_timestamp()
         ORDER BY queued_at
         LIMIT $1
        """,
        limit,
    )


async def delete_published(db: Database, rows: Sequence[asyncpg.Record]) -> None:
    """Delete published rows of `list_waiting`; a row whose version has changed stays, queued since it was read."""
    await db.execute(
        """
        WITH published AS (
            SELECT repository_id, version, read_at
              FROM unnest($1::bigint[], $2::bigint[], $3::timestamptz[]) AS row (repository_id, version, read_at)
        ), deleted AS (
            DELETE FROM outbox
             USING published
             WHERE outbox.repository_id = published.repository_id AND outbox.version = published.version
            RETURNING outbox.repository_id
        )
        UPDATE outbox
           SET queued_at = published.read_at
          FROM published
         WHERE outbox.repository_id = published.repository_id
           AND outbox.version <> published.version
           AND outbox.queued_at < published.read_at
        """,
        [row["repository_id"] for row in rows],
        [row["version"] for row in rows],
        [row["read_at"] for row in rows],
    )


async def set_aside(db: Database, rows: Sequence[asyncpg.Record]) -> None:
    """Postpone rows that the search engine rejects by one day, or until their next change."""
    await db.execute(
        """
        UPDATE outbox
           SET queued_at = clock_timestamp() + interval '1 day'
          FROM unnest($1::bigint[], $2::bigint[]) AS refused (repository_id, version)
         WHERE outbox.repository_id = refused.repository_id AND outbox.version = refused.version
        """,
        [row["repository_id"] for row in rows],
        [row["version"] for row in rows],
    )


async def count_waiting(db: Database) -> int:
    """Return the number of repositories waiting to be published."""
    return int(await db.fetchval("SELECT count(*) FROM outbox WHERE queued_at <= clock_timestamp()"))
