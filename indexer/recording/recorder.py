"""Records what decoders and scans found: the logs grow, and the catalog follows, in the caller's transaction.

Any order and any repetition of deliveries ends in the same rows. Everything is written in sets, repository by
repository in the order of their ids, under the repositories' locks; an error undoes the whole transaction. Whoever
records for several registries in one transaction takes them in the order of their ids.
"""

from collections.abc import Sequence
from datetime import datetime

from indexer.counting.pulls import RETENTION_DAYS, Pull, hold_facts, record_pulls
from indexer.kinds import kind_of
from indexer.recording.current import QUESTION_DELAY, Touched, refresh_current
from indexer.recording.scans import ManifestScan, TagScan, record_scans
from regdex.database import Connection
from regdex.digest import Digest
from regdex.events import (
    Event,
    ManifestDeleted,
    ManifestPulled,
    ManifestPushed,
    ProjectTouched,
    RegistryEvent,
    RepositoryDeleted,
    RepositoryTouched,
    Source,
    TagDeleted,
    TagTouched,
)
from regdex.store.catalog import current, gaps, names, registration
from regdex.store.content.digests import intern_digests
from regdex.store.logs import observations
from regdex.store.logs.observations import ManifestRow, RepositoryRow, TagRow
from regdex.store.queues import fetches, questions
from regdex.store.queues.questions import EVERYTHING

__all__ = ["ManifestScan", "TagScan", "record_events", "record_scans"]


async def record_events(
    conn: Connection, registry_id: int, events: Sequence[Event], *, retention_days: int = RETENTION_DAYS
) -> None:
    """Record events of one registry, of any number of repositories, in the caller's transaction.

    Pulls older than `retention_days` cannot be told from repeats any more and are ignored.
    """
    if not events:
        return
    placed = [event for event in events if isinstance(event, RegistryEvent)]
    ids = await names.intern_repositories(conn, registry_id, {event.repository for event in placed})
    texts = {event.digest for event in placed if isinstance(event, ManifestPushed | ManifestPulled | ManifestDeleted)}
    digests = {text: Digest.parse(text) for text in texts}
    interned = await intern_digests(conn, digests.values())
    digest_ids = {text: interned[digest] for text, digest in digests.items()}
    actor_ids = await names.intern_actors(conn, {event.actor for event in placed if type(event) is not ManifestPulled})
    pulled = [event for event in placed if isinstance(event, ManifestPulled)]
    pulls = await _intern_pulls(conn, registry_id, pulled, ids, digest_ids)
    if pulls:
        await hold_facts(conn)
    await names.lock_repositories(conn, ids.values())

    if len(pulled) < len(placed):
        await refresh_current(conn, registry_id, await _append(conn, placed, ids, digest_ids, actor_ids))
    if pulls:
        wanted = {(pull.repository_id, pull.digest_id, False) for pull in pulls}
        await fetches.enqueue_fetches(conn, registry_id, sorted(wanted))
        await record_pulls(conn, pulls, retention_days=retention_days)
    await _look_into(conn, registry_id, [event for event in events if isinstance(event, ProjectTouched)])
    await registration.advance(
        conn,
        registry_id,
        at=max(event.at for event in events),
        received_from=min(event.received_at for event in events),
        received_until=max(event.received_at for event in events),
    )


async def _look_into(conn: Connection, registry_id: int, events: Sequence[ProjectTouched]) -> None:
    """Have the repositories of projects read again; new ones in them are found by a full read, due from now on."""
    if events:
        known = await names.list_repositories_of(conn, registry_id, {event.project for event in events})
        await questions.raise_questions(conn, [(id, EVERYTHING) for id in known], delay=QUESTION_DELAY)
        since = min(event.received_at for event in events)
        await gaps.open_gap(conn, [registry_id], gaps.READABLE, reason="project_touched", since=since)


async def _intern_pulls(
    conn: Connection,
    registry_id: int,
    events: Sequence[ManifestPulled],
    ids: dict[str, int],
    digest_ids: dict[str, int],
) -> list[Pull]:
    if not events:
        return []
    kind = kind_of(await registration.get_kind(conn, registry_id))
    clients = {(event.actor, event.address, event.user_agent) for event in events}
    client_ids = await names.intern_clients(conn, [(*client, kind.classify(*client)) for client in clients])
    return [
        Pull(
            repository_id=ids[event.repository],
            at=event.at,
            key=event.key,
            digest_id=digest_ids[event.digest],
            client_id=client_ids[event.actor, event.address, event.user_agent],
            is_head=event.is_head,
            tag=event.tag or None,
        )
        for event in events
    ]


async def _append(
    conn: Connection,
    events: Sequence[RegistryEvent],
    ids: dict[str, int],
    digest_ids: dict[str, int],
    actor_ids: dict[str, int],
) -> Touched:
    """Append to the logs. What is returned is touched by rows that are new; repetitions touch nothing."""
    tag_rows: list[TagRow] = []
    manifest_rows: list[ManifestRow] = []
    repository_rows: list[RepositoryRow] = []
    hints: list[tuple[int, str]] = []
    for event in events:
        repository_id, actor_id = ids[event.repository], actor_ids.get(event.actor)
        at, key, exact = event.at, event.key, event.exact
        if isinstance(event, ManifestPushed):
            digest_id = digest_ids[event.digest]
            manifest_rows.append(
                ManifestRow(repository_id, digest_id, at, key, True, False, actor_id, Source.EVENT, exact)
            )
            if event.tag:
                tag_rows.append(TagRow(repository_id, event.tag, at, key, digest_id, actor_id, Source.EVENT, exact))
                if not exact:
                    hints.append((repository_id, event.tag))
        elif isinstance(event, TagDeleted):
            tag_rows.append(TagRow(repository_id, event.tag, at, key, None, actor_id, Source.EVENT, exact))
            if not exact:
                hints.append((repository_id, event.tag))
        elif isinstance(event, ManifestDeleted):
            digest_id = digest_ids[event.digest]
            manifest_rows.append(
                ManifestRow(repository_id, digest_id, at, key, False, event.takes_tags, actor_id, Source.EVENT, exact)
            )
        elif isinstance(event, RepositoryDeleted):
            repository_rows.append(RepositoryRow(repository_id, at, key, actor_id, Source.EVENT, exact))
        elif isinstance(event, TagTouched):
            hints.append((repository_id, event.tag))
        elif isinstance(event, RepositoryTouched):
            hints.append((repository_id, EVERYTHING))

    touched = Touched()
    if tag_rows:
        touched.tags.update(await observations.add_tag_rows(conn, tag_rows))
    if manifest_rows:
        await _append_manifests(conn, manifest_rows, touched)
    if repository_rows:
        await _append_repositories(conn, repository_rows, touched)
    if hints:
        await questions.raise_questions(conn, hints, delay=QUESTION_DELAY)
    return touched


async def _append_manifests(conn: Connection, rows: Sequence[ManifestRow], touched: Touched) -> None:
    added = await observations.add_manifest_rows(conn, rows)
    lost: list[tuple[int, int, datetime]] = []
    for row in rows:
        key = row.repository_id, row.digest_id
        if (*key, row.at) not in added:
            continue
        if row.present:
            touched.saw(key, row.at, row.at)
            touched.pushed(row.repository_id, row.at)
        else:
            touched.manifests.setdefault(key)
            if row.takes_tags:
                lost.append((*key, row.at))
    if lost:
        touched.tags.update(await current.list_tags_losing(conn, lost))


async def _append_repositories(conn: Connection, rows: Sequence[RepositoryRow], touched: Touched) -> None:
    if added := await observations.add_repository_rows(conn, rows):
        touched.tags.update(await current.list_tags(conn, added))
        for key in await current.list_present_manifests(conn, added):
            touched.manifests.setdefault(key)
