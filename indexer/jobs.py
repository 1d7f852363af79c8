"""What is done periodically: reconcile, sizes, words of older content, downloads of 30 days, retention."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import structlog

from indexer.fetching.audit import NIGHTLY_SAMPLE, audit_registry
from indexer.recording.mending import mend_future_rows
from indexer.registry.client import RegistryClient
from indexer.schedule import Job
from regdex.database import Pool
from regdex.settings import Settings
from regdex.store.catalog import audits
from regdex.store.catalog.sorting import sort_older
from regdex.store.content import sizes
from regdex.store.content.summaries import describe_older
from regdex.store.pulls import partitions, rankings
from regdex.store.queues import backfills, outbox, questions, schedule

log = structlog.get_logger()

NEVER_AGAIN_SECONDS = 10**10
RECONCILE_CHECK_SECONDS = 2
SIZES_SECONDS = 10
SIZES_AT_ONCE = 500
OLDER_SECONDS = 1
OLDER_AT_ONCE = 1000
RETENTION_SECONDS = 3600
AUDIT_SECONDS = 24 * 3600


def periodic_jobs(db: Pool, settings: Settings, clients: Mapping[str, RegistryClient]) -> list[Job]:
    """The jobs of the leader, as the settings want them; `clients` are by the names of registries."""

    async def reconcile() -> None:
        await questions.take_over(db)
        cadence = settings.cadence.reconcile_seconds or NEVER_AGAIN_SECONDS
        for registry_id in await schedule.list_due_registries(db, every_seconds=cadence):
            await backfills.request_backfill(db, registry_id, force=False)

    async def refresh_sizes() -> None:
        changed = await sizes.refresh_sizes(db, limit=SIZES_AT_ONCE)
        await outbox.enqueue(db, changed)

    async def describe() -> None:
        await describe_older(db, limit=OLDER_AT_ONCE)

    async def mend() -> None:
        while await mend_future_rows(db):
            pass

    async def sort() -> None:
        await sort_older(db, limit=OLDER_AT_ONCE)

    async def audit() -> None:
        for registry_id, name in await audits.list_auditable(db):
            if name in clients:
                found = await audit_registry(db, clients[name], registry_id, sample=NIGHTLY_SAMPLE)
                for difference in found.undeclared:
                    log.warning("audit: the registry says otherwise", registry=name, difference=str(difference))

    async def refresh_downloads() -> None:
        await rankings.refresh_downloads_30d(db)

    async def drop_old_pulls() -> None:
        today = datetime.now(UTC).date()
        await partitions.ensure_partitions(db, [today, today + timedelta(days=1)])
        await partitions.drop_partitions_before(db, today - timedelta(days=settings.retention.pull_days))

    jobs = [
        Job("reconcile", RECONCILE_CHECK_SECONDS, reconcile),
        Job("sizes", SIZES_SECONDS, refresh_sizes),
        Job("descriptions", OLDER_SECONDS, describe),
        Job("times", OLDER_SECONDS, mend),
        Job("tags", OLDER_SECONDS, sort),
        Job("retention", RETENTION_SECONDS, drop_old_pulls),
        Job("audit", AUDIT_SECONDS, audit),
    ]
    if settings.cadence.statistics_seconds:
        jobs.append(Job("downloads", settings.cadence.statistics_seconds, refresh_downloads))
    return jobs
