"""Tags as they were: the logs of a repository, derived."""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from regdex.database import Database
from regdex.events import Source
from regdex.glob import Glob
from regdex.history import PROMOTION, Entry, Gone, Observation, derive
from regdex.order import sort_time
from regdex.reference import spelled_digest
from regdex.store.content import manifest_details
from regdex.store.logs import histories as tag_logs

CHUNK = 200


async def read_entries(db: Database, repository_id: int, tags: Sequence[str]) -> dict[str, list[Entry]]:
    """What each of `tags` pointed to over time, oldest first; a tag that nothing was ever seen of is left out."""
    logs: dict[str, list[Observation]] = defaultdict(list)
    resolution = timedelta(0)
    for row in await tag_logs.list_tag_events(db, repository_id, tags):
        logs[row["tag"]].append(Observation.of(row))
        resolution = timedelta(seconds=row["resolution_seconds"])
    digest_ids = {seen.digest_id for log in logs.values() for seen in log if seen.digest_id is not None}
    deletes: dict[int | None, list[Gone]] = defaultdict(list)
    for row in await tag_logs.list_gone(db, repository_id, list(digest_ids)):
        gone = Gone.of(row)
        deletes[gone.digest_id].append(gone)
    return {tag: derive(log, _deletes_of(log, deletes), resolution=resolution) for tag, log in logs.items()}


def _deletes_of(log: Iterable[Observation], deletes: Mapping[int | None, list[Gone]]) -> list[Gone]:
    ids = {seen.digest_id for seen in log} | {None}
    return [gone for digest_id in ids for gone in deletes.get(digest_id, ())]


def entry_at(entries: Sequence[Entry], as_of: datetime) -> Entry | None:
    """What held at `as_of`; None when the tag was not there then."""
    held = None
    for entry in entries:
        if entry.at > as_of:
            break
        held = entry
    return held if held is not None and held.digest_id is not None else None


async def is_present_at(db: Database, repository_id: int, digest_id: int, as_of: datetime) -> bool:
    """Whether a manifest was in a repository at `as_of`."""
    rows = await tag_logs.list_manifest_events(db, repository_id, digest_id)
    if not rows:
        return False
    gone = [Gone.of(row) for row in await tag_logs.list_gone(db, repository_id, [])]
    resolution = timedelta(seconds=rows[0]["resolution_seconds"])
    return entry_at(derive(map(Observation.of, rows), gone, resolution=resolution), as_of) is not None


class PastTag(NamedTuple):
    """A tag as it was: what held, and the time to sort it by."""

    name: str
    entry: Entry
    sorted_at: datetime


async def tags_at(
    db: Database, repository_id: int, as_of: datetime, *, glob: Glob, with_artifacts: bool, after: str = ""
) -> AsyncIterator[PastTag]:
    """The tags that were there at `as_of`, by name after `after`; what their content says is what is known now."""
    while True:
        # An exact time learnt within a second after a scan moves an entry, so look that far ahead.
        names = await tag_logs.list_logged_tags(
            db,
            repository_id,
            until=as_of + PROMOTION,
            pattern=glob.pattern,
            prefix=glob.prefix,
            after=after,
            limit=CHUNK,
        )
        shown = [name for name in names if with_artifacts or spelled_digest(name) is None]
        history = await read_entries(db, repository_id, shown)
        held = [(name, entry) for name in shown if (entry := entry_at(history.get(name, ()), as_of)) is not None]
        facts = await manifest_details.list_tag_facts(db, list({entry.digest_id for _, entry in held}))
        for name, entry in held:
            fact = facts.get(entry.digest_id)
            if with_artifacts or fact is None or not fact["is_attached"]:
                created_at = fact["created_at"] if fact is not None else None
                yield PastTag(name, entry, sort_time(entry.exact, entry.at, entry.not_before, created_at))
        if len(names) < CHUNK:
            return
        after = names[-1]


async def describe_tags(
    db: Database,
    repository_id: int,
    registry: str,
    repository: str,
    found: Sequence[tuple[str, Entry]],
    as_of: datetime,
) -> list[dict[str, Any]]:
    """Tags as the message has them, with what is known of their manifests now: content does not change.

    Of an index, the platforms are those of the manifests that were in the repository at `as_of`.
    """
    digests = {
        row["id"]: row
        for row in await manifest_details.describe_digests(
            db, list({entry.digest_id for _, entry in found if entry.digest_id is not None})
        )
    }
    partial = await manifest_details.list_partial_indexes(db, repository_id, list(digests))
    platforms = {id: await _platforms_at(db, repository_id, id, here, as_of) for id, here in partial.items()}
    actors = await tag_logs.list_actors(db, list({entry.actor_id for _, entry in found if entry.actor_id is not None}))
    tags = []
    for name, entry in found:
        digest = digests[entry.digest_id]
        tags.append(
            {
                "registry": registry,
                "repository": repository,
                "tag": name,
                "digest": digest["digest"],
                "media_type": digest["media_type"],
                "artifact_type": digest["artifact_type"],
                "total_size_bytes": digest["total_size_bytes"],
                "platforms": platforms.get(digest["id"], digest["platforms"]),
                "created_at": digest["created_at"],
                "pushed_at": _pushed_at(entry),
                "exact": entry.exact,
                "not_before": entry.not_before,
                "actor": actors.get(entry.actor_id, "") if entry.actor_id is not None else "",
                "indexed": digest["indexed"],
                "first_seen_at": entry.at,
            }
        )
    return tags


async def _platforms_at(
    db: Database, repository_id: int, digest_id: int, now: Sequence[str], as_of: datetime
) -> list[str]:
    """The platforms of an index that is only partly there: those of `now`, and of children that were there then."""
    then = set(now)
    for child in await manifest_details.list_children(db, repository_id, digest_id):
        has_platform = child["os"] and child["architecture"]
        if child["missing"] and has_platform and await is_present_at(db, repository_id, child["digest_id"], as_of):
            then.add("/".join(filter(None, (child["os"], child["architecture"], child["variant"]))))
    return sorted(then)


def _pushed_at(entry: Entry) -> datetime | None:
    """None where a scan found the tag for the first time: nobody knows when it was pushed."""
    is_first_sighting = not entry.exact and entry.source == Source.SCAN and entry.not_before is None
    return None if is_first_sighting else entry.at
