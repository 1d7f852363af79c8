"""Updates the current tags, presence and counts from the logs, after a batch was added and in its transaction."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from indexer.recording.newest import ManifestKey, TagKey, newest_of_manifests, newest_of_tags
from regdex.database import Connection
from regdex.events import RegistryEvent, Source
from regdex.history import Entry
from regdex.store.catalog import current
from regdex.store.catalog.current import CurrentTag, RepositoryChange
from regdex.store.content import indexes, manifests
from regdex.store.content.summaries import refresh_repositories
from regdex.store.queues import fetches, outbox, questions

# Once this has passed, an answer can no longer be confused with the event that raised the question.
QUESTION_DELAY = timedelta(seconds=6)
_Key = TypeVar("_Key", TagKey, ManifestKey)


@dataclass(slots=True)
class Touched:
    """What a batch added to the logs; with each manifest the first and the last time that the batch saw it present."""

    tags: set[TagKey] = field(default_factory=set)
    manifests: dict[ManifestKey, tuple[datetime, datetime] | None] = field(default_factory=dict)
    pushed_at: dict[int, datetime] = field(default_factory=dict)
    # The newest event of the batch about each, and the digest that it leaves (None: deleted).
    told: dict[TagKey | ManifestKey, tuple[RegistryEvent, int | None]] = field(default_factory=dict)

    def saw(self, key: ManifestKey, first: datetime, last: datetime) -> None:
        if seen := self.manifests.get(key):
            first, last = min(first, seen[0]), max(last, seen[1])
        self.manifests[key] = first, last

    def tell(self, key: TagKey | ManifestKey, event: RegistryEvent, digest_id: int | None) -> None:
        """Note an event. Call in the order of receipt: of a repeated event, the earliest receipt counts."""
        before = self.told.get(key)
        if before is None or (event.at >= before[0].at and event.key != before[0].key):
            self.told[key] = event, digest_id

    def list_late(self, entries: Mapping[_Key, Entry | None]) -> list[_Key]:
        """Return the keys whose entry contradicts the newest event of the batch, although that may be the latest fact.

        An entry that was observed after the event had been received is later than the event. Any other may only seem
        later, because a clock is wrong or a delivery was delayed.
        """
        return [
            key
            for key, entry in entries.items()
            if entry is not None
            and (told := self.told.get(key)) is not None
            and entry.digest_id != told[1]
            and entry.last_at < told[0].received_at
        ]

    def pushed(self, repository_id: int, at: datetime) -> None:
        self.pushed_at[repository_id] = max(at, self.pushed_at.get(repository_id, at))


@dataclass(slots=True)
class _Change:
    """Changes to the row of a repository."""

    tag_count: int = 0
    artifact_tag_count: int = 0
    manifest_count: int = 0
    resized: bool = False
    retagged: bool = False
    redated: bool = False
    pushed_at: datetime | None = None
    sighted_at: datetime | None = None

    def count_tag(self, is_auxiliary: bool, count: int) -> None:
        if is_auxiliary:
            self.artifact_tag_count += count
        else:
            self.tag_count += count


async def refresh_current(conn: Connection, registry_id: int, touched: Touched, *, is_held: bool) -> None:
    """Write tags, presence and counts; queue manifests to fetch, questions to ask and repositories to publish.

    `is_held`: the manifests were pushed just now (see `fetches.enqueue_fetches`).
    """
    changes: defaultdict[int, _Change] = defaultdict(_Change)
    for repository_id, at in touched.pushed_at.items():
        changes[repository_id].pushed_at = at
    if touched.manifests:
        present, moved = await _refresh_manifests(conn, touched, changes)
        for repository_id in await indexes.refresh_partial_indexes(conn, moved):
            changes[repository_id].retagged = True
        if present:
            await fetches.enqueue_fetches(conn, registry_id, present, is_held=is_held)
    if touched.tags:
        left = await _refresh_tags(conn, touched, changes)
        if left and (vanishing := await current.list_vanishing(conn, registry_id, left)):
            await questions.raise_about_manifests(conn, vanishing, delay=QUESTION_DELAY)
    if not changes:
        return
    await current.change_repositories(
        conn,
        [
            RepositoryChange(
                repository_id=id,
                tag_count=change.tag_count,
                artifact_tag_count=change.artifact_tag_count,
                manifest_count=change.manifest_count,
                pushed_at=change.pushed_at,
                sighted_at=change.sighted_at,
                resized=change.resized,
            )
            for id, change in sorted(changes.items())
        ],
    )
    if redated := [id for id, change in changes.items() if change.redated]:
        await current.redate_repositories(conn, redated)
    if retagged := [id for id, change in changes.items() if change.retagged]:
        await refresh_repositories(conn, retagged)
    await outbox.enqueue(conn, sorted(changes))


async def _refresh_tags(conn: Connection, touched: Touched, changes: Mapping[int, _Change]) -> list[ManifestKey]:
    """Write the current tags. Returns the manifests that a tag no longer points to."""
    tags = sorted(touched.tags)
    before = await current.read_tags(conn, tags)
    entries, doubts = await newest_of_tags(conn, tags)
    named = {entry.digest_id for entry in entries.values() if entry is not None and entry.digest_id is not None}
    known = await manifests.list_states(conn, list(named)) if named else {}
    gone: list[TagKey] = []
    put: list[tuple[int, str, CurrentTag]] = []
    left: list[ManifestKey] = []
    late: list[TagKey] = []
    for key, entry in entries.items():
        old, was_auxiliary = before.get(key, (None, False))
        new = _current(entry)
        if new == old:
            continue
        change = changes[key[0]]
        if old is not None:
            change.count_tag(was_auxiliary, -1)
        if new is None:
            gone.append(key)
            change.retagged = True
            if entry is not None and not entry.exact and entry.source == Source.EVENT:
                late.append(key)  # deleted with its manifest or repository, at a time that is not exact
        else:
            put.append((*key, new))
            change.retagged |= new.digest_id in known
            if new.not_before is not None:  # a move that a scan found
                change.pushed_at = max(change.pushed_at or new.pushed_at, new.pushed_at)
            elif new.source == Source.SCAN:  # a tag that a scan found for the first time
                change.sighted_at = max(change.sighted_at or new.pushed_at, new.pushed_at)
        if old is not None and (new is None or new.digest_id != old.digest_id):
            left.append((key[0], old.digest_id))
        if old is not None and old.not_before is not None:
            change.redated |= new is None or new.pushed_at < old.pushed_at
    if gone:
        await current.delete_tags(conn, gone)
    if put:
        for (repository_id, _), is_auxiliary in (await current.put_tags(conn, put)).items():
            changes[repository_id].count_tag(is_auxiliary, 1)
    doubtful = set(doubts.open)
    certain = {key: entry for key, entry in entries.items() if entry is not None and key not in doubtful}
    await questions.withdraw_of_tags(conn, [(*key, entry.digest_id) for key, entry in certain.items()])
    if doubts.open:
        await questions.raise_questions(conn, doubts.open, delay=QUESTION_DELAY, withdrawable=True)
    if doubts.explained:
        await questions.raise_questions(conn, doubts.explained, delay=QUESTION_DELAY, is_check=True)
    late += touched.list_late(entries)
    if late:
        await questions.raise_questions(conn, late, delay=QUESTION_DELAY)
    return left


def _current(entry: Entry | None) -> CurrentTag | None:
    """Return the row of a tag; None if the tag does not exist."""
    if entry is None or entry.digest_id is None:
        return None
    return CurrentTag(entry.digest_id, entry.at, entry.not_before, entry.actor_id, entry.source, entry.exact)


async def _refresh_manifests(
    conn: Connection, touched: Touched, changes: Mapping[int, _Change]
) -> tuple[list[tuple[int, int, bool]], list[tuple[int, int, bool]]]:
    """Write the presence of manifests.

    Returns (repository, digest, is newly present) of those that are present, and (repository, digest, is absent) of
    those that are absent or newly present.
    """
    keys = list(touched.manifests)
    before = await current.read_presence(conn, keys)
    entries, doubts = await newest_of_manifests(conn, keys)
    now = {key: entry is not None and entry.digest_id is not None for key, entry in entries.items()}
    certain = set(keys).difference(doubts.open)
    await questions.withdraw_of_manifests(conn, [(*key, now[key]) for key in sorted(certain)])
    if doubts.open:
        await questions.raise_about_manifests(conn, doubts.open, delay=QUESTION_DELAY, withdrawable=True)
    if doubts.explained:
        await questions.raise_about_manifests(conn, doubts.explained, delay=QUESTION_DELAY, is_check=True)
    if late := touched.list_late(entries):
        await questions.raise_about_manifests(conn, late, delay=QUESTION_DELAY)
    seen: list[tuple[int, int, bool, datetime, datetime]] = []
    lost: list[tuple[int, int, bool]] = []
    for key, times in touched.manifests.items():
        if times is not None:
            seen.append((*key, now[key], *times))
        elif key in before and before[key] != now[key]:
            lost.append((*key, now[key]))
        if now[key] != before.get(key, False):
            change = changes[key[0]]
            change.manifest_count += now[key] - before.get(key, False)
            change.resized = True
    if seen:
        await current.put_presence(conn, seen)
    if lost:
        await current.set_presence(conn, lost)
    moved = [(*key, not now[key]) for key in keys if not (now[key] and before.get(key))]
    return sorted((*key, not before.get(key)) for key in keys if now[key]), moved
