"""Reads the logs of tags and manifests as `regdex.history` derives states from them."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import asyncpg

from regdex.database import Database
from regdex.history import Doubts, Entry, Gone, Observation, derive, find_doubts


class Log(NamedTuple):
    """Observations of one tag or manifest, newest first, and the deletions that may have removed it.

    Where more rows than asked for exist (`is_cut`), `older` holds the newest scan among the rows that were not read.
    """

    newest: list[Observation]
    older: list[Observation]
    deletions: list[Gone]
    resolution: timedelta
    is_cut: bool

    def derive(self) -> list[Entry]:
        """Return the entries, oldest first."""
        return derive(self.newest + self.older, self.deletions, resolution=self.resolution)

    def find_doubts(self) -> Doubts:
        """Return the times that the registry is to be asked about."""
        return find_doubts(self.newest + self.older, self.deletions, resolution=self.resolution)


async def read_tag_logs(
    db: Database,
    tags: Sequence[tuple[int, str]],
    *,
    until: Sequence[datetime | None] | None = None,
    limit: int | None = None,
) -> list[Log]:
    """Return the log of each tag (repository, name) in order: at most `limit` rows, up to its time in `until`."""
    rows = await db.fetch(
        """
        SELECT asked.ordinal, log.at, log.digest_id, log.exact, log.source, log.actor_id, log.event_key,
               log.confirmed_at, log.told_at, log.told_nanos, log.position, registry.time_resolution_seconds
          FROM unnest($1::bigint[], $2::text[], $3::timestamptz[])
               WITH ORDINALITY AS asked (repository_id, tag, until, ordinal)
          JOIN repository ON repository.id = asked.repository_id
          JOIN registry ON registry.id = repository.registry_id
         CROSS JOIN LATERAL (
               SELECT at, digest_id, exact, source, actor_id, event_key, confirmed_at, told_at, told_nanos, position
                 FROM tag_event
                WHERE tag_event.repository_id = asked.repository_id AND tag_event.tag = asked.tag
                  AND at <= coalesce(asked.until, 'infinity')
                ORDER BY at DESC, event_key DESC
                LIMIT $4) AS log
        """,
        [repository_id for repository_id, _ in tags],
        [tag for _, tag in tags],
        until if until is not None else [None] * len(tags),
        limit,
    )
    logs = _logs(rows, len(tags), limit)
    if cut := [number for number, log in enumerate(logs) if log.is_cut]:
        found = await read_tag_scans(db, [(*tags[number], logs[number].newest[-1].at) for number in cut])
        _add_older(logs, cut, found)
    repositories = await _deleted_repositories(db, {repository_id for repository_id, _ in tags})
    manifests = await _deleted_manifests(
        db, {(tag[0], fact.digest_id) for tag, log in zip(tags, logs, strict=True) for fact in log.newest}
    )
    for (repository_id, _), log in zip(tags, logs, strict=True):
        log.deletions.extend(repositories[repository_id])
        for digest_id in {fact.digest_id for fact in log.newest}:
            log.deletions.extend(manifests[repository_id, digest_id])
    return logs


async def read_manifest_logs(
    db: Database, manifests: Sequence[tuple[int, int]], *, limit: int | None = None
) -> list[Log]:
    """Return the log of each manifest (repository, digest) in order, as that of a tag.

    A manifest points to itself while it is in the repository.
    """
    rows = await db.fetch(
        """
        SELECT asked.ordinal, log.at, CASE WHEN log.present THEN asked.digest_id END AS digest_id, log.exact,
               log.source, log.actor_id, log.event_key, log.confirmed_at, log.told_at, log.told_nanos, log.position,
               registry.time_resolution_seconds
          FROM unnest($1::bigint[], $2::bigint[]) WITH ORDINALITY AS asked (repository_id, digest_id, ordinal)
          JOIN repository ON repository.id = asked.repository_id
          JOIN registry ON registry.id = repository.registry_id
         CROSS JOIN LATERAL (
               SELECT at, present, exact, source, actor_id, event_key, confirmed_at, told_at, told_nanos, position
                 FROM manifest_event
                WHERE manifest_event.repository_id = asked.repository_id
                  AND manifest_event.digest_id = asked.digest_id
                ORDER BY at DESC, event_key DESC
                LIMIT $3) AS log
        """,
        [repository_id for repository_id, _ in manifests],
        [digest_id for _, digest_id in manifests],
        limit,
    )
    logs = _logs(rows, len(manifests), limit)
    if cut := [number for number, log in enumerate(logs) if log.is_cut]:
        found = await read_manifest_scans(db, [(*manifests[number], logs[number].newest[-1].at) for number in cut])
        _add_older(logs, cut, found)
    repositories = await _deleted_repositories(db, {repository_id for repository_id, _ in manifests})
    for (repository_id, _), log in zip(manifests, logs, strict=True):
        log.deletions.extend(repositories[repository_id])
    return logs


def _logs(rows: Iterable[asyncpg.Record], count: int, limit: int | None) -> list[Log]:
    found: list[list[asyncpg.Record]] = [[] for _ in range(count)]
    for row in rows:
        found[row["ordinal"] - 1].append(row)
    return [
        Log(
            [Observation.of(row) for row in of_one],
            [],
            [],
            timedelta(seconds=of_one[0]["time_resolution_seconds"] if of_one else 0),
            len(of_one) == limit,
        )
        for of_one in found
    ]


def _add_older(logs: Sequence[Log], cut: Sequence[int], scans: Iterable[asyncpg.Record]) -> None:
    for row in scans:
        logs[cut[row["ordinal"] - 1]].older.append(Observation.of(row))


async def read_tag_scans(db: Database, scans: Sequence[tuple[int, str, datetime]]) -> list[asyncpg.Record]:
    """Return for each (repository, tag, time) the newest scan of the tag up to then; `ordinal` counts from 1."""
    return await db.fetch(
        """
        SELECT asked.ordinal, log.at, log.digest_id, log.exact, log.source, log.actor_id, log.event_key,
               log.confirmed_at, log.told_at, log.told_nanos, log.position
          FROM unnest($1::bigint[], $2::text[], $3::timestamptz[])
               WITH ORDINALITY AS asked (repository_id, tag, until, ordinal)
         CROSS JOIN LATERAL (
               SELECT at, digest_id, exact, source, actor_id, event_key, confirmed_at, told_at, told_nanos, position
                 FROM tag_event
                WHERE tag_event.repository_id = asked.repository_id AND tag_event.tag = asked.tag
                  AND at <= asked.until AND source = 2
                ORDER BY at DESC, event_key DESC
                LIMIT 1) AS log
        """,
        *zip(*scans, strict=True),
    )


async def read_manifest_scans(db: Database, scans: Sequence[tuple[int, int, datetime]]) -> list[asyncpg.Record]:
    """As `read_tag_scans`, for (repository, digest, time)."""
    return await db.fetch(
        """
        SELECT asked.ordinal, log.at, CASE WHEN log.present THEN asked.digest_id END AS digest_id, log.exact,
               log.source, log.actor_id, log.event_key, log.confirmed_at, log.told_at, log.told_nanos, log.position
          FROM unnest($1::bigint[], $2::bigint[], $3::timestamptz[])
               WITH ORDINALITY AS asked (repository_id, digest_id, until, ordinal)
         CROSS JOIN LATERAL (
               SELECT at, present, exact, source, actor_id, event_key, confirmed_at, told_at, told_nanos, position
                 FROM manifest_event
                WHERE manifest_event.repository_id = asked.repository_id
                  AND manifest_event.digest_id = asked.digest_id
                  AND at <= asked.until AND source = 2
                ORDER BY at DESC, event_key DESC
                LIMIT 1) AS log
        """,
        *zip(*scans, strict=True),
    )


async def _deleted_manifests(
    db: Database, manifests: Iterable[tuple[int, int | None]]
) -> defaultdict[tuple[int, int | None], list[Gone]]:
    """Return the deletions of manifests that removed their tags, too."""
    deleted: defaultdict[tuple[int, int | None], list[Gone]] = defaultdict(list)
    asked = [(repository_id, digest_id) for repository_id, digest_id in manifests if digest_id is not None]
    if not asked:
        return deleted
    rows = await db.fetch(
        """
        SELECT log.repository_id, log.digest_id, log.at, log.exact, log.source, log.actor_id, log.event_key,
               log.told_at, log.told_nanos, log.position
          FROM unnest($1::bigint[], $2::bigint[]) AS asked (repository_id, digest_id)
          JOIN manifest_event AS log USING (repository_id, digest_id)
         WHERE NOT log.present AND log.takes_tags
        """,
        *zip(*asked, strict=True),
    )
    for row in rows:
        deleted[row["repository_id"], row["digest_id"]].append(Gone.of(row))
    return deleted


async def _deleted_repositories(db: Database, repository_ids: Iterable[int]) -> defaultdict[int, list[Gone]]:
    rows = await db.fetch(
        """
        SELECT repository_id, NULL::bigint AS digest_id, at, exact, source, actor_id, event_key, told_at, told_nanos,
               position
          FROM repository_event
         WHERE repository_id = ANY ($1::bigint[])
        """,
        list(repository_ids),
    )
    deleted: defaultdict[int, list[Gone]] = defaultdict(list)
    for row in rows:
        deleted[row["repository_id"]].append(Gone.of(row))
    return deleted
