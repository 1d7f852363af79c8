"""What the newest rows of a log say of now. More rows are read only while older ones could still matter."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TypeAlias

import asyncpg

from regdex.database import Connection
from regdex.history import Entry, Gone, Observation, contradictions, derive, is_present, is_settled
from regdex.store.logs import newest as logs

TagKey: TypeAlias = tuple[int, str]
ManifestKey: TypeAlias = tuple[int, int]

ROWS_FIRST = 8
ROWS_FACTOR = 8


async def newest_of_tags(conn: Connection, tags: Sequence[TagKey]) -> tuple[dict[TagKey, Entry | None], list[TagKey]]:
    """The last entry of each tag (None: never seen), and the tags that a scan and an event disagree about."""
    entries: dict[TagKey, Entry | None] = {}
    disputed: list[TagKey] = []
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
            derived = derive(facts, lost)
            if len(newest) == limit and not (derived and is_settled(newest, derived[-1])):
                unsettled.append(key)
                continue
            entries[key] = derived[-1] if derived else None
            if contradictions(facts, lost):
                disputed.append(key)
        tags, limit = unsettled, limit * ROWS_FACTOR
    return entries, disputed


async def presence_of(conn: Connection, manifests: Sequence[ManifestKey]) -> dict[ManifestKey, bool]:
    """Whether each manifest is in its repository now."""
    presence: dict[ManifestKey, bool] = {}
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
            derived = derive(facts, lost_repositories.get(key[0], ()))
            if len(newest) < limit:
                presence[key] = bool(derived) and derived[-1].digest_id is not None
            elif derived and (present := is_present(newest, derived[-1])) is not None:
                presence[key] = present
            else:
                unsettled.append(key)
        manifests, limit = unsettled, limit * ROWS_FACTOR
    return presence


def _by_ordinal(rows: Iterable[asyncpg.Record], count: int) -> list[list[Observation]]:
    """Rows that begin with a number from 1 to `count`, by that number."""
    found: list[list[Observation]] = [[] for _ in range(count)]
    for row in rows:
        found[row[0] - 1].append(Observation._make(row[1:]))
    return found


async def _lost_repositories(conn: Connection, repository_ids: Iterable[int]) -> dict[int, list[Gone]]:
    lost: defaultdict[int, list[Gone]] = defaultdict(list)
    for repository_id, at, *rest in await logs.read_lost_repositories(conn, repository_ids):
        lost[repository_id].append(Gone(at, None, *rest))
    return lost


async def _lost_manifests(
    conn: Connection, manifests: Iterable[tuple[int, int | None]]
) -> dict[tuple[int, int | None], list[Gone]]:
    asked = [(repository_id, digest_id) for repository_id, digest_id in manifests if digest_id is not None]
    lost: defaultdict[tuple[int, int | None], list[Gone]] = defaultdict(list)
    if asked:
        for repository_id, digest_id, at, *rest in await logs.read_lost_manifests(conn, asked):
            lost[repository_id, digest_id].append(Gone(at, digest_id, *rest))
    return lost
