"""What the newest rows of a log say of now. More rows are read only while older ones could still matter."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
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
    is_outcome_settled,
    is_settled,
)
from regdex.store.catalog.registration import Recorded
from regdex.store.logs import newest as logs

TagKey: TypeAlias = tuple[int, str]
ManifestKey: TypeAlias = tuple[int, int]

ROWS_FIRST = 8
ROWS_FACTOR = 8
_Key = TypeVar("_Key")


class _Log(NamedTuple):
    """The newest rows of one tag or manifest; all facts that are known of it; what took it along."""

    newest: list[Observation]
    facts: list[Observation]
    lost: list[Gone]


class Doubtful(NamedTuple, Generic[_Key]):
    """What contradicts itself; `explained` where, as far as is known, a scan has only crossed an event on its way."""

    open: list[_Key]
    explained: list[_Key]


async def newest_of_tags(
    conn: Connection, registry: Recorded, tags: Sequence[TagKey]
) -> tuple[dict[TagKey, Entry | None], Doubtful[TagKey]]:
    """The last entry of each tag (None: never seen), and the tags whose log contradicts itself."""
    lost = await _lost_repositories(conn, {repository_id for repository_id, _ in tags})

    async def read(tags: Sequence[TagKey], limit: int) -> list[_Log]:
        rows = _by_ordinal(await logs.read_tag_log(conn, tags, limit=limit), len(tags))
        cut = [number for number, newest in enumerate(rows) if len(newest) == limit]
        older = await logs.read_tag_scans(conn, [(*tags[n], rows[n][-1].at) for n in cut]) if cut else []
        lost_manifests = await _lost_manifests(
            conn, {(tags[number][0], fact.digest_id) for number, newest in enumerate(rows) for fact in newest}
        )
        return [
            log._replace(
                lost=lost.get(repository_id, [])
                + [gone for id in {fact.digest_id for fact in log.newest} for gone in lost_manifests[repository_id, id]]
            )
            for (repository_id, _), log in zip(tags, _logs(rows, cut, older), strict=True)
        ]

    def is_certain(log: _Log, entry: Entry) -> bool:
        return is_settled(log.newest, entry, resolution=registry.resolution)

    return await _find_newest(registry, tags, read, is_certain)


async def newest_of_manifests(
    conn: Connection, registry: Recorded, manifests: Sequence[ManifestKey]
) -> tuple[dict[ManifestKey, Entry | None], Doubtful[ManifestKey]]:
    """As `newest_of_tags`: a manifest points to itself while it is in its repository. Only what and when last count."""
    lost = await _lost_repositories(conn, {repository_id for repository_id, _ in manifests})

    async def read(manifests: Sequence[ManifestKey], limit: int) -> list[_Log]:
        rows = _by_ordinal(await logs.read_manifest_log(conn, manifests, limit=limit), len(manifests))
        cut = [number for number, newest in enumerate(rows) if len(newest) == limit]
        older = await logs.read_manifest_scans(conn, [(*manifests[n], rows[n][-1].at) for n in cut]) if cut else []
        return [
            log._replace(lost=lost.get(repository_id, []))
            for (repository_id, _), log in zip(manifests, _logs(rows, cut, older), strict=True)
        ]

    def is_certain(log: _Log, entry: Entry) -> bool:
        return is_outcome_settled(log.newest, resolution=registry.resolution)

    return await _find_newest(registry, manifests, read, is_certain)


async def _find_newest(
    registry: Recorded,
    keys: Sequence[_Key],
    read: Callable[[Sequence[_Key], int], Awaitable[list[_Log]]],
    is_certain: Callable[[_Log, Entry], bool],
) -> tuple[dict[_Key, Entry | None], Doubtful[_Key]]:
    entries: dict[_Key, Entry | None] = {}
    doubts: Doubtful[_Key] = Doubtful([], [])
    limit = ROWS_FIRST
    while keys:
        unsettled: list[_Key] = []
        for key, log in zip(keys, await read(keys, limit), strict=True):
            derived = derive(log.facts, log.lost, resolution=registry.resolution)
            if len(log.newest) == limit and not (derived and is_certain(log, derived[-1])):
                unsettled.append(key)
                continue
            entries[key] = derived[-1] if derived else None
            if found := find_doubts(log.facts, log.lost, resolution=registry.resolution):
                (doubts.open if found.open else doubts.explained).append(key)
        keys, limit = unsettled, limit * ROWS_FACTOR
    return entries, doubts


def _logs(rows: Sequence[list[Observation]], cut: Sequence[int], older: Sequence[asyncpg.Record]) -> list[_Log]:
    """What was read of each key; `older` are the last scans before the rows of those, by number, that were cut."""
    scans = dict(zip(cut, _by_ordinal(older, len(cut)), strict=True))
    return [_Log(newest, newest + scans.get(number, []), []) for number, newest in enumerate(rows)]


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
