"""Corrects log rows that an earlier release wrote with times in the future. Runs once, after the upgrade."""

from indexer.counting.pulls import Pull, hold_facts, move_pulls
from indexer.recording.current import QUESTION_DELAY, Touched, refresh_current
from regdex.database import Pool
from regdex.store.catalog import current, names
from regdex.store.logs import future
from regdex.store.queues import outbox, questions


async def mend_future_rows(db: Pool) -> bool:
    """Correct the rows of one repository in one transaction. Returns False when none is left."""
    if not await future.is_mending(db) or (mending := await future.next_repository(db)) is None:
        return False
    repository_id, registry_id, since = mending
    async with db.acquire() as conn, conn.transaction():
        await hold_facts(conn)
        await names.lock_repositories(conn, [repository_id])
        late = [
            Pull(repository_id, since, row.event_key, row.digest_id, row.client_id, row.is_head, row.tag, row.at)
            for row in await future.list_pulls(conn, repository_id, since)
        ]
        await move_pulls(conn, late)
        tags = {(repository_id, tag) for tag in await future.mend_tags(conn, repository_id, since)}
        manifests = {(repository_id, id) for id in await future.mend_manifests(conn, repository_id, since)}
        touched = Touched(tags=tags | set(await current.list_tags_of(conn, manifests)))
        touched.manifests.update(dict.fromkeys(manifests))
        await refresh_current(conn, registry_id, touched, is_held=False)
        await questions.raise_questions(conn, touched.tags, delay=QUESTION_DELAY)
        await questions.raise_about_manifests(conn, manifests, delay=QUESTION_DELAY)
        await outbox.enqueue(conn, [repository_id])
        await future.finish_repository(conn, repository_id)
    return True
