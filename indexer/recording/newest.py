"""Derives the current state of tags and manifests from the newest rows of their logs.

More rows are read only while older ones could still change the result.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from typing import Generic, NamedTuple, TypeAlias, TypeVar

from regdex.database import Connection
from regdex.history import CONTRADICTION, Entry, Observation, is_outcome_settled, is_settled
from regdex.store.logs import reading
from regdex.store.logs.reading import Log

TagKey: TypeAlias = tuple[int, str]
ManifestKey: TypeAlias = tuple[int, int]

ROWS_FIRST = 8
ROWS_FACTOR = 8
_Key = TypeVar("_Key")


class Doubtful(NamedTuple, Generic[_Key]):
    """Tags or manifests whose log contradicts itself.

    In an `explained` one, as far as is known, a scan has only crossed an event.
    """

    open: list[_Key]
    explained: list[_Key]


async def newest_of_tags(
    conn: Connection, tags: Sequence[TagKey]
) -> tuple[dict[TagKey, Entry | None], Doubtful[TagKey]]:
    """Return the last entry of each tag (None: never observed), and the tags whose log contradicts itself."""

    async def read(tags: Sequence[TagKey], limit: int) -> list[Log]:
        return await reading.read_tag_logs(conn, tags, limit=limit)

    def is_certain(log: Log, entry: Entry) -> bool:
        return is_settled(log.newest, entry, resolution=log.resolution)

    return await _find_newest(tags, read, is_certain)


async def newest_of_manifests(
    conn: Connection, manifests: Sequence[ManifestKey]
) -> tuple[dict[ManifestKey, Entry | None], Doubtful[ManifestKey]]:
    """As `newest_of_tags`. Of the entries, only `digest_id` (None: absent) and `last_at` are certain."""

    async def read(manifests: Sequence[ManifestKey], limit: int) -> list[Log]:
        return await reading.read_manifest_logs(conn, manifests, limit=limit)

    def is_certain(log: Log, entry: Entry) -> bool:
        return is_outcome_settled(log.newest, resolution=log.resolution)

    return await _find_newest(manifests, read, is_certain)


async def _find_newest(
    keys: Sequence[_Key],
    read: Callable[[Sequence[_Key], int], Awaitable[list[Log]]],
    is_certain: Callable[[Log, Entry], bool],
) -> tuple[dict[_Key, Entry | None], Doubtful[_Key]]:
    entries: dict[_Key, Entry | None] = {}
    doubts: Doubtful[_Key] = Doubtful([], [])
    limit = ROWS_FIRST
    while keys:
        unsettled: list[_Key] = []
        for key, log in zip(keys, await read(keys, limit), strict=True):
            derived = log.derive()
            if log.is_cut and not (derived and is_certain(log, derived[-1])):
                unsettled.append(key)
                continue
            entries[key] = derived[-1] if derived else None
            if found := log.find_doubts():
                (doubts.open if found.open else doubts.explained).append(key)
        keys, limit = unsettled, limit * ROWS_FACTOR
    return entries, doubts


async def held_by_tags(conn: Connection, tags: Sequence[tuple[int, str, datetime]]) -> list[set[int | None]]:
    """Return the digests that each tag pointed to within CONTRADICTION of a time, as far as the newest rows tell."""
    keys = [(repository_id, tag) for repository_id, tag, _ in tags]
    until = [at + CONTRADICTION for _, _, at in tags]
    logs = await reading.read_tag_logs(conn, keys, until=until, limit=ROWS_FIRST**2)
    return [_held_near(log, at) for (_, _, at), log in zip(tags, logs, strict=True)]


async def were_present(conn: Connection, manifests: Sequence[tuple[int, int, datetime]]) -> list[bool]:
    """Return whether each manifest was in its repository within CONTRADICTION of a time."""
    keys = [(repository_id, digest_id) for repository_id, digest_id, _ in manifests]
    logs = await reading.read_manifest_logs(conn, keys, limit=ROWS_FIRST**2)
    return [digest_id in _held_near(log, at) for (_, digest_id, at), log in zip(manifests, logs, strict=True)]


def _held_near(log: Log, at: datetime) -> set[int | None]:
    """Digests of entries that hold at some moment within CONTRADICTION of `at`, and digests observed near it.

    The latter also by scans that an event close by makes useless for the order.
    """
    entries = log.derive()
    ends: list[datetime | None] = [*(entry.at for entry in entries[1:]), None]
    return _observed_near(log.newest, at) | {
        entry.digest_id
        for entry, end in zip(entries, ends, strict=False)
        if entry.at <= at + CONTRADICTION and (end is None or end >= at - CONTRADICTION)
    }


def _observed_near(facts: Iterable[Observation], at: datetime) -> set[int | None]:
    return {fact.digest_id for fact in facts if abs((fact.confirmed_at or fact.at) - at) <= 2 * CONTRADICTION}
