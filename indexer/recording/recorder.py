"""Records events: appends them to the logs and updates the catalog, in the caller's transaction.

Any order and any repetition of deliveries ends in the same rows. Repositories are locked in the order of their ids and
all rows are written in sets; an error rolls the whole transaction back. A caller that records for several registries in
one transaction takes them in the order of their ids, or it deadlocks with others.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import NamedTuple
from uuid import UUID

from indexer.counting.pulls import RETENTION_DAYS, Pull, hold_facts, record_pulls
from indexer.kinds import kind_of
from indexer.kinds.clients import ClientClass
from indexer.recording.current import QUESTION_DELAY, Touched, refresh_current
from indexer.recording.evidence import weigh_pulls
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
from regdex.store.catalog.registration import Recorded
from regdex.store.content.digests import intern_digests
from regdex.store.logs import observations, observed
from regdex.store.logs.observations import ManifestRow, RepositoryRow, TagRow
from regdex.store.queues import questions
from regdex.store.queues.questions import EVERYTHING

__all__ = ["ManifestScan", "TagScan", "record_events", "record_scans"]


class _Interned(NamedTuple):
    """Ids by name of repositories, digests and actors."""

    repositories: dict[str, int]
    digests: dict[str, int]
    actors: dict[str, int]


async def record_events(
    conn: Connection, registry_id: int, events: Sequence[Event], *, retention_days: int = RETENTION_DAYS
) -> None:
    """Record events of one registry, of any number of repositories, in the caller's transaction.

    Pulls older than `retention_days` are ignored, because they can no longer be told from repetitions.
    """
    if not events:
        return
    registry = await registration.get_recorded(conn, registry_id)
    placed = [event for event in events if isinstance(event, RegistryEvent)]
    pulled = [event for event in placed if isinstance(event, ManifestPulled)]
    interned = await _intern(conn, registry_id, placed)
    pulls = await _intern_pulls(conn, registry, pulled, interned)
    if pulls:
        await hold_facts(conn)
    await names.lock_repositories(conn, interned.repositories.values())

    if interned.repositories:
        await questions.ask_about_new(conn, registry_id, interned.repositories.values(), delay=QUESTION_DELAY)
    if len(pulled) < len(placed):
        touched = await _append(conn, registry, placed, interned)
        await refresh_current(conn, registry_id, touched, is_held=True)
    if pulls:
        await record_pulls(conn, pulls, retention_days=retention_days)
        await weigh_pulls(conn, registry_id, pulls)
    await _look_into(conn, registry_id, [event for event in events if isinstance(event, ProjectTouched)])
    await registration.advance(
        conn,
        registry_id,
        at=max(event.at for event in events),
        received_from=min(event.received_at for event in events),
        received_until=max(event.received_at for event in events),
    )


async def _intern(conn: Connection, registry_id: int, events: Sequence[RegistryEvent]) -> _Interned:
    texts = {event.digest for event in events if isinstance(event, ManifestPushed | ManifestPulled | ManifestDeleted)}
    digests = {text: Digest.parse(text) for text in texts}
    repositories = await names.intern_repositories(conn, registry_id, {event.repository for event in events})
    ids = await intern_digests(conn, digests.values())
    actors = await names.intern_actors(conn, {event.actor for event in events if type(event) is not ManifestPulled})
    return _Interned(repositories, {text: ids[digest] for text, digest in digests.items()}, actors)


async def _look_into(conn: Connection, registry_id: int, events: Sequence[ProjectTouched]) -> None:
    """Raise questions about all repositories of the projects. A gap makes a full read due, which finds new ones."""
    if events:
        known = await names.list_repositories_of(conn, registry_id, {event.project for event in events})
        await questions.raise_questions(conn, [(id, EVERYTHING) for id in known], delay=QUESTION_DELAY)
        since = min(event.received_at for event in events)
        await gaps.open_gap(conn, [registry_id], gaps.READABLE, reason="project_touched", since=since)


async def _intern_pulls(
    conn: Connection, registry: Recorded, events: Sequence[ManifestPulled], interned: _Interned
) -> list[Pull]:
    if not events:
        return []
    kind = kind_of(registry.kind)
    classes = {
        client: kind.classify(*client)
        for client in {(event.actor, event.address, event.user_agent) for event in events}
    }
    client_ids = await names.intern_clients(conn, [(*client, of) for client, of in classes.items()])
    return [
        Pull(
            repository_id=interned.repositories[event.repository],
            at=event.at,
            key=event.key,
            digest_id=interned.digests[event.digest],
            client_id=client_ids[client],
            is_head=event.is_head,
            tag=event.tag or None,
            told_at=event.told_at,
            is_own=classes[client] is ClientClass.REGDEX,
        )
        for event in events
        for client in ((event.actor, event.address, event.user_agent),)
    ]


async def _append(
    conn: Connection, registry: Recorded, events: Sequence[RegistryEvent], interned: _Interned
) -> Touched:
    """Append events to the logs. Returns what new rows have touched; repetitions touch nothing.

    Raises questions about new rows whose time is not exact.
    """
    tags: dict[tuple[int, str, UUID], TagRow] = {}
    manifests: dict[tuple[int, int, UUID], ManifestRow] = {}
    repositories: dict[tuple[int, UUID], RepositoryRow] = {}
    hints: list[tuple[int, str]] = []
    touched = Touched()
    # The earliest receipt comes first, because it counts for repeated events.
    for event in sorted(events, key=attrgetter("received_at", "position")):
        repository_id, key = interned.repositories[event.repository], event.key
        exact = event.exact and not registry.is_skewed
        origin = (interned.actors.get(event.actor), Source.EVENT, exact)
        told = (event.told_at, event.told_nanos, event.position)
        if isinstance(event, ManifestPushed | ManifestDeleted):
            digest_id = interned.digests[event.digest]
            is_push = isinstance(event, ManifestPushed)
            takes_tags = isinstance(event, ManifestDeleted) and event.takes_tags
            manifests.setdefault(
                (repository_id, digest_id, key),
                ManifestRow(repository_id, digest_id, event.at, key, is_push, takes_tags, *origin, None, *told),
            )
            touched.tell((repository_id, digest_id), event, digest_id if is_push else None)
        if isinstance(event, ManifestPushed | TagDeleted) and event.tag:
            pushed_id = interned.digests[event.digest] if isinstance(event, ManifestPushed) else None
            tags.setdefault(
                (repository_id, event.tag, key),
                TagRow(repository_id, event.tag, event.at, key, pushed_id, *origin, None, *told),
            )
            touched.tell((repository_id, event.tag), event, pushed_id)
        elif isinstance(event, RepositoryDeleted):
            repositories.setdefault((repository_id, key), RepositoryRow(repository_id, event.at, key, *origin, *told))
        elif isinstance(event, TagTouched):
            hints.append((repository_id, event.tag))
        elif isinstance(event, RepositoryTouched):
            hints.append((repository_id, EVERYTHING))
    if tags:
        hints += await _append_tags(conn, tags, touched)
    if manifests:
        await _append_manifests(conn, manifests, touched)
    if repositories:
        hints += await _append_repositories(conn, repositories, touched)
    if hints:
        await questions.raise_questions(conn, hints, delay=QUESTION_DELAY)
    return touched


async def _append_tags(
    conn: Connection, rows: Mapping[tuple[int, str, UUID], TagRow], touched: Touched
) -> list[tuple[int, str]]:
    """Append rows. Returns the tags to raise questions about."""
    changed = await observations.add_tag_rows(conn, rows.values())
    touched.tags.update(changed)
    keys = ((row.repository_id, row.tag) for row in rows.values() if not row.exact)
    return [key for key in keys if key in changed]


async def _append_manifests(
    conn: Connection, rows: Mapping[tuple[int, int, UUID], ManifestRow], touched: Touched
) -> None:
    changed = await observations.add_manifest_rows(conn, rows.values())
    lost: list[tuple[int, int, datetime]] = []
    moved: list[tuple[int, int | None, datetime]] = []
    inexact: list[tuple[int, int]] = []
    for key, row in rows.items():
        if key not in changed:
            continue
        manifest = row.repository_id, row.digest_id
        if not row.exact:
            inexact.append(manifest)
        if row.present:
            touched.saw(manifest, row.at, row.at)
            touched.pushed(row.repository_id, row.at)
        else:
            touched.manifests.setdefault(manifest)
            if row.takes_tags:
                lost.append((*manifest, row.at))
                if changed[key]:
                    moved.append((*manifest, row.at))
    if lost:
        touched.tags.update(await current.list_tags_losing(conn, lost))
    if moved:  # its receipt was earlier than stored, so that later observations may now follow it
        touched.tags.update(await observed.list_tags_since(conn, moved))
    if inexact:
        await questions.raise_about_manifests(conn, inexact, delay=QUESTION_DELAY)


async def _append_repositories(
    conn: Connection, rows: Mapping[tuple[int, UUID], RepositoryRow], touched: Touched
) -> list[tuple[int, str]]:
    """Append rows. Returns questions about everything in repositories that were deleted at an uncertain time."""
    changed = await observations.add_repository_rows(conn, rows.values())
    inexact = [row for row in rows.values() if not row.exact and row.repository_id in changed]
    if changed:
        touched.tags.update(await current.list_tags(conn, changed))
        manifests = await current.list_present_manifests(conn, changed)
        since = [(row.repository_id, row.at) for row in rows.values() if row.repository_id in changed]
        touched.tags.update(await observed.list_tags_since(conn, [(id, None, at) for id, at in since]))
        manifests += await observed.list_manifests_since(conn, since)
        for key in manifests:
            touched.manifests.setdefault(key)
    return [(row.repository_id, EVERYTHING) for row in inexact]
