"""SQL of periodic jobs and of indexer runs: when a job last ran, and whether an indexer was killed."""

from datetime import datetime

from regdex.database import Database


async def start_job_if_due(db: Database, job: str, *, every_seconds: int) -> bool:
    """Mark `job` as started now and return True, unless it was started less than `every_seconds` ago."""
    row = await db.fetchrow(
        """
        INSERT INTO schedule (job, started_at)
        VALUES ($1, now())
            ON CONFLICT (job) DO UPDATE
           SET started_at = now(), finished_at = NULL
         WHERE schedule.started_at IS NULL OR schedule.started_at <= now() - make_interval(secs => $2)
        RETURNING job
        """,
        job,
        float(every_seconds),
    )
    return row is not None


async def finish_job(db: Database, job: str) -> None:
    await db.execute("UPDATE schedule SET finished_at = now() WHERE job = $1", job)


async def start_run(db: Database) -> int:
    """Insert a run of an indexer and return its id."""
    number: int = await db.fetchval("INSERT INTO indexer_run DEFAULT VALUES RETURNING id")
    return number


async def beat(db: Database, run_id: int) -> None:
    """Record that the run is alive."""
    await db.execute("UPDATE indexer_run SET seen_at = now() WHERE id = $1", run_id)


async def stop_run(db: Database, run_id: int) -> None:
    """Record a clean stop."""
    await db.execute("UPDATE indexer_run SET stopped_at = now(), seen_at = now() WHERE id = $1", run_id)


async def close_dead_runs(db: Database, *, silent_seconds: int) -> datetime | None:
    """Close runs neither stopped nor seen for `silent_seconds`; return when the first of them was last seen."""
    since: datetime | None = await db.fetchval(
        """
        WITH dead AS (
            UPDATE indexer_run
               SET stopped_at = seen_at
             WHERE stopped_at IS NULL AND seen_at < now() - make_interval(secs => $1)
            RETURNING seen_at
        )
        SELECT min(seen_at) FROM dead
        """,
        float(silent_seconds),
    )
    return since


async def list_due_registries(db: Database, *, every_seconds: int) -> list[int]:
    """Return ids of registries to read in full now.

    Leaves out registries that are paused, being read, rate limited, or in read mode `events`. A registry is due when
    its last read was requested more than `every_seconds` ago, when its settings changed or a gap opened since then,
    and, until a read has succeeded, one to five minutes after the last one ended. A gap that was open when the last
    read was requested, and that it did not close, waits for the next interval.
    """
    rows = await db.fetch(
        """
        SELECT registry.id
          FROM registry
          LEFT JOIN LATERAL (
                SELECT max(backfill.requested_at) AS requested_at, max(backfill.finished_at) AS finished_at,
                       count(*) AS count, bool_or(backfill.state IN ('waiting', 'running')) AS is_open
                  FROM backfill
                 WHERE backfill.registry_id = registry.id
               ) AS last ON true
         WHERE NOT registry.paused
           AND registry.read_mode <> 'events'
           AND last.is_open IS NOT TRUE
           AND (registry.limited_until IS NULL OR registry.limited_until <= now())
           AND (last.requested_at IS NULL
                OR last.requested_at <= now() - make_interval(secs => $1)
                OR registry.read_due_at > last.requested_at
                OR (registry.reconciled_at IS NULL
                    AND last.finished_at <= now() - make_interval(mins => least(last.count, 5)::int))
                OR EXISTS (SELECT FROM gap
                            WHERE gap.registry_id = registry.id AND gap.repository_id IS NULL AND gap.until IS NULL
                              AND gap.subject <> 'pulls' AND gap.since > last.requested_at))
         ORDER BY registry.id
        """,
        float(every_seconds),
    )
    return [row["id"] for row in rows]
