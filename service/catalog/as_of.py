"""Tags and manifests as they were at a time, derived from the logs of a repository."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from regdex.database import Database
from regdex.events import Source
from regdex.glob import Glob
from regdex.history import PROMOTION, Entry
from regdex.order import sort_time
from regdex.reference import spelled_digest
from regdex.store.content import manifest_details
from regdex.store.logs import observed, reading

CHUNK = 200


async def read_entries(db: Database, repository_id: int, tags: Sequence[str]) -> dict[str, list[Entry]]:
    """Return the entries of each tag, oldest first; a tag that was never observed is left out."""
    logs = await reading.read_tag_logs(db, [(repository_id, tag) for tag in tags])
    return {tag: log.derive() for tag, log in zip(tags, logs, strict=True) if log.newest}


def entry_at(entries: Sequence[Entry], as_of: datetime) -> Entry | None:
    """Return the entry valid at `as_of`; None if the tag did not exist then."""
    held = None
    for entry in entries:
        if entry.at > as_of:
            break
        held = entry
    return held if held is not None and held.digest_id is not None else None


async def is_present_at(db: Database, repository_id: int, digest_id: int, as_of: datetime) -> bool:
    """Return whether a manifest was in a repository at `as_of`."""
    (log,) = await reading.read_manifest_logs(db, [(repository_id, digest_id)])
    return entry_at(log.derive(), as_of) is not None


class PastTag(NamedTuple):
    """A tag at a past time: its entry then, and the time to sort it by."""

    name: str
    entry: Entry
    sorted_at: datetime


async def tags_at(
    db: Database, repository_id: int, as_of: datetime, *, glob: Glob, with_artifacts: bool, after: str = ""
) -> AsyncIterator[PastTag]:
    """Yield the tags that existed at `as_of`, by name, from after `after`. Their content is described as known now."""
    while True:
        # An exact observation within one second after a scan moves its entry, so rows up to then are needed.
        names = await observed.list_logged_tags(
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
                yield PastTag(name, entry, sort_time(entry.exact, entry.at, entry.not_before, created_at, entry.source))
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
    """Return tags as fields of the message Tag. Content never changes, so it is described as known now.

    The platforms of an index are those of the manifests that were in the repository at `as_of`.
    """
    digests = {
        row["id"]: row
        for row in await manifest_details.describe_digests(
            db, list({entry.digest_id for _, entry in found if entry.digest_id is not None})
        )
    }
    partial = await manifest_details.list_partial_indexes(db, repository_id, list(digests))
    platforms = {id: await _platforms_at(db, repository_id, id, here, as_of) for id, here in partial.items()}
    actors = await observed.list_actors(db, list({entry.actor_id for _, entry in found if entry.actor_id is not None}))
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
    """Return the platforms of a partial index at `as_of`: those of `now`, and of children that were present then."""
    then = set(now)
    for child in await manifest_details.list_children(db, repository_id, digest_id):
        has_platform = child["os"] and child["architecture"]
        if child["missing"] and has_platform and await is_present_at(db, repository_id, child["digest_id"], as_of):
            then.add("/".join(filter(None, (child["os"], child["architecture"], child["variant"]))))
    return sorted(then)


def _pushed_at(entry: Entry) -> datetime | None:
    """Return None if a scan was the first to find the tag, because the time of its push is then unknown."""
    is_first_sighting = not entry.exact and entry.source == Source.SCAN and entry.not_before is None
    return None if is_first_sighting else entry.at
