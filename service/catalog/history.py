"""Use case of history: the changes of a tag over time."""

from datetime import datetime
from typing import Any

from regdex.database import Database
from regdex.errors import NotFound
from regdex.events import Source
from regdex.history import Entry
from regdex.store.content import manifest_details
from regdex.store.logs import observed
from service.caller import Caller
from service.catalog.as_of import read_entries
from service.catalog.tags import NO_TAG
from service.catalog.versions import find_repository
from service.completeness import watermark_of
from service.context import Context
from service.etags import Stamp, Stamped
from service.models.history import ListTagHistoryRequest
from service.paging import read_page


async def list_tag_history(context: Context, caller: Caller, request: ListTagHistoryRequest) -> Stamped:
    """List the changes of a tag, newest first.

    A deleted tag keeps its history. Raise NotFound when the tag was never seen.
    """
    db = context.db
    page = read_page("ListTagHistory", caller, request, datetime, int)
    row = await find_repository(db, caller, request, NO_TAG)
    entries = (await read_entries(db, row["id"], [request.tag])).get(request.tag)
    if not entries:
        raise NotFound(NO_TAG)
    changes = [
        change
        for change in _changes(entries)
        if (request.since is None or change.entry.at >= request.since)
        and (request.until is None or change.entry.at < request.until)
        and (page.after is None or change.key < page.after)
    ]
    shown, token = page.cut(changes[: page.limit], lambda change: change.key)
    content = {
        "entries": await _describe(db, shown),
        "next_page_token": token,
        **watermark_of(row),
    }
    return Stamped(content, Stamp.of(row))


class _Change:
    """An entry and the entry before it. `key` is its time and its number among the entries of that time."""

    __slots__ = ("before", "entry", "key")

    def __init__(self, entry: Entry, before: Entry | None, number: int) -> None:
        self.entry = entry
        self.before = before
        self.key = (entry.at, number)


def _changes(entries: list[Entry]) -> list[_Change]:
    """Return the changes, newest first. An absence before the first sighting of the tag is not a change."""
    changes: list[_Change] = []
    before: Entry | None = None
    for entry in entries:
        number = changes[-1].key[1] + 1 if changes and changes[-1].entry.at == entry.at else 0
        if entry.digest_id is not None or before is not None:
            changes.append(_Change(entry, before, number))
        before = entry
    return changes[::-1]


async def _describe(db: Database, changes: Any) -> list[dict[str, Any]]:
    ids = {change.entry.digest_id for change in changes} | {
        change.before.digest_id for change in changes if change.before
    }
    digests = {row["id"]: row["digest"] for row in await manifest_details.describe_digests(db, list(ids - {None}))}
    actors = await observed.list_actors(db, list({change.entry.actor_id for change in changes} - {None}))
    answer = []
    for change in changes:
        entry, before = change.entry, change.before
        previous = digests.get(before.digest_id, "") if before else ""
        appeared = "moved" if previous else "created"
        answer.append(
            {
                "change": "deleted" if entry.digest_id is None else appeared,
                "digest": digests.get(entry.digest_id, ""),
                "previous_digest": previous,
                "at": entry.at,
                "exact": entry.exact,
                "not_before": entry.not_before,
                "actor": actors.get(entry.actor_id, ""),
                "source": "event" if entry.source == Source.EVENT else "scan",
            }
        )
    return answer
