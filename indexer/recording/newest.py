"""What the newest rows of a log say of now. More rows are read only while older ones could still matter."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Generic, NamedTuple, TypeAlias, TypeVar

import asyncpg

from regdex.database import Connection
from regdex.history import (
    CONTRADICTION,
    Entry,
    Gone,
    Observation,
    derive,
    find_doubts,
    is_present,
    is_settled,
)
from regdex.store.catalog.registration import Recorded
from regdex.store.logs import newest as logs

TagKey: TypeAlias = tuple[int, str]
ManifestKey: TypeAlias = tuple[int, int]

ROWS_FIRST = 8
ROWS_FACTOR = 8
_Key = TypeVar("_Key")


class Doubtful(NamedTuple, Generic[_Key]):
    """What contradicts itself; `explained` where, as far as is known, a scan has only crossed an event on its way."""

    open: list[_Key]
    explained: list[_Key]


async def newest_of_tags(
    conn: Connection, registry: Recorded, tags: Sequence[TagKey]
) -> tuple[dict[TagKey, Entry | None], Doubtful[TagKey]]:
    """The last entry of each tag (None: never seen), and the tags whose log contradicts itself.

    `find_doubts` says which of these the exact facts explain.
    """
    entries: dict[TagKey, Entry | None] = {}
    doubts: Doubtful[TagKey] = Doubtful([], [])
    lost_repositories = await _lost_repositories(conn, {repository_id for repository_id, _ in tags})
    limit = ROWS_FIRST
    while tags:
        rows = _by_ordinal(await logs.read_tag_log(conn, tags, limit=limit), len(tags))
        if cut := [number for number, newest in enumerate(rows) if len(newest) == limit]:
            scans = await logs.read_tag_scans(conn, [(*tags[number], rows[number][-1].at) for number in cut])
            older = _by_ordinal(scans, len(cut))
        lost_manifests = await _lost_manifests(
            conn, {(tags[number][0], fact.digest_id) for number, newest in enumerate(rows) for fact in newest}
        )
        unsettled: list[TagKey] = []
        for number, (key, newest) in enumerate(zip(tags, rows, strict=True)):
            lost = lost_repositories.get(key[0], [])
            if lost_manifests:
                digest_ids = {fact.digest_id for fact in newest}
                lost = lost + [gone for id in digest_ids for gone in lost_manifests.get((key[0], id), ())]
            facts = newest + older[cut.index(number)] if len(newest) == limit else newest
            derived = derive(facts, lost, resolution=registry.resolution)
            if len(newest) == limit and not (
                derived and is_settled(newest, derived[-1], resolution=registry.resolution)
            ):
                unsettled.append(key)
                continue
            entries[key] = derived[-1] if derived else None
            if found := find_doubts(facts, lost, resolution=registry.resolution):
                (doubts.open if found.open else doubts.explained).append(key)
        tags, limit = unsettled, limit * ROWS_FACTOR
    return entries, doubts


async def presence_of(
    conn: Connection, registry: Recorded, manifests: Sequence[ManifestKey]
) -> tuple[dict[ManifestKey, bool], Doubtful[ManifestKey]]:
    """Whether each manifest is in its repository now, and the manifests whose log contradicts itself."""
    presence: dict[ManifestKey, bool] = {}
    doubts: Doubtful[ManifestKey] = Doubtful([], [])
    lost_repositories = await _lost_repositories(conn, {repository_id for repository_id, _ in manifests})
    limit = ROWS_FIRST
    while manifests:
        rows = _by_ordinal(await logs.read_manifest_log(conn, manifests, limit=limit), len(manifests))
        if cut := [number for number, newest in enumerate(rows) if len(newest) == limit]:
            scans = await logs.read_manifest_scans(conn, [(*manifests[number], rows[number][-1].at) for number in cut])
            older = _by_ordinal(scans, len(cut))
        unsettled: list[ManifestKey] = []
        for number, (key, newest) in enumerate(zip(manifests, rows, strict=True)):
            facts = newest + older[cut.index(number)] if len(newest) == limit else newest
            lost = lost_repositories.get(key[0], ())
            derived = derive(facts, lost, resolution=registry.resolution)
            if len(newest) < limit:
                presence[key] = bool(derived) and derived[-1].digest_id is not None
            elif derived and (present := is_present(newest, derived[-1], resolution=registry.resolution)) is not None:
                presence[key] = present
            else:
                unsettled.append(key)
                continue
            if found := find_doubts(facts, lost, resolution=registry.resolution):
                (doubts.open if found.open else doubts.explained).append(key)
        manifests, limit = unsettled, limit * ROWS_FACTOR
    return presence, doubts


async def held_by_tags(
    conn: Connection, registry: Recorded, tags: Sequence[tuple[int, str, datetime]]
) -> list[set[int | None]]:
    """What each tag pointed to within CONTRADICTION of a time, as far as the newest rows up to then say."""
    asked = [(repository_id, tag, at + CONTRADICTION) for repository_id, tag, at in tags]
    rows = _by_ordinal(await logs.read_tag_log_until(conn, asked, limit=ROWS_FIRST**2), len(tags))
    lost_repositories = await _lost_repositories(conn, {repository_id for repository_id, _, _ in tags})
    lost_manifests = await _lost_manifests(
        conn, {(tags[number][0], fact.digest_id) for number, newest in enumerate(rows) for fact in newest}
    )
    held: list[set[int | None]] = []
    for (repository_id, _, at), newest in zip(tags, rows, strict=True):
        lost = list(lost_repositories.get(repository_id, ()))
        for digest_id in {fact.digest_id for fact in newest}:
            lost += lost_manifests.get((repository_id, digest_id), ())
        held.append(_held_near(derive(newest, lost, resolution=registry.resolution), at) | _seen_near(newest, at))
    return held


async def were_present(
    conn: Connection, registry: Recorded, manifests: Sequence[tuple[int, int, datetime]]
) -> list[bool]:
    """Whether each manifest was in its repository within CONTRADICTION of a time."""
    rows = _by_ordinal(
        await logs.read_manifest_log(conn, [key[:2] for key in manifests], limit=ROWS_FIRST**2), len(manifests)
    )
    lost = await _lost_repositories(conn, {repository_id for repository_id, _, _ in manifests})
    return [
        digest_id
        in _held_near(derive(newest, lost.get(repository_id, ()), resolution=registry.resolution), at)
        | _seen_near(newest, at)
        for (repository_id, digest_id, at), newest in zip(manifests, rows, strict=True)
    ]


def _held_near(entries: Sequence[Entry], at: datetime) -> set[int | None]:
    """The digests of the entries that hold at some moment within CONTRADICTION of `at`."""
    ends: list[datetime | None] = [*(entry.at for entry in entries[1:]), None]
    return {
        entry.digest_id
        for entry, end in zip(entries, ends, strict=False)
        if entry.at <= at + CONTRADICTION and (end is None or end >= at - CONTRADICTION)
    }


def _seen_near(facts: Iterable[Observation], at: datetime) -> set[int | None]:
    """What was observed near `at`, also by scans that an event close by makes worthless for the order."""
    return {fact.digest_id for fact in facts if abs((fact.confirmed_at or fact.at) - at) <= 2 * CONTRADICTION}


def _by_ordinal(rows: Iterable[asyncpg.Record], count: int) -> list[list[Observation]]:
    """Observations by the number of what was asked."""
    found: list[list[Observation]] = [[] for _ in range(count)]
    for row in rows:
        found[row["ordinal"] - 1].append(Observation.of(row))
    return found


async def _lost_repositories(conn: Connection, repository_ids: Iterable[int]) -> dict[int, list[Gone]]:
    lost: defaultdict[int, list[Gone]] = defaultdict(list)
    for row in await logs.read_lost_repositories(conn, repository_ids):
        lost[row["repository_id"]].append(Gone.of(row))
    return lost


async def _lost_manifests(
    conn: Connection, manifests: Iterable[tuple[int, int | None]]
) -> dict[tuple[int, int | None], list[Gone]]:
    asked = [(repository_id, digest_id) for repository_id, digest_id in manifests if digest_id is not None]
    lost: defaultdict[tuple[int, int | None], list[Gone]] = defaultdict(list)
    if asked:
        for row in await logs.read_lost_manifests(conn, asked):
            lost[row["repository_id"], row["digest_id"]].append(Gone.of(row))
    return lost
