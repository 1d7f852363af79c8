"""Use cases of tags, now or at a past time."""

import heapq
from datetime import datetime
from typing import TypeAlias

from regdex.database import Database
from regdex.errors import NotFound
from regdex.glob import Glob
from regdex.order import version_key
from regdex.store.catalog import tags
from service.caller import Caller
from service.catalog.as_of import PastTag, describe_tags, entry_at, read_entries, tags_at
from service.catalog.repositories import NO_REPOSITORY, Answer
from service.catalog.versions import find_repository
from service.completeness import spoken_of, watermark_of
from service.context import Context
from service.etags import Stamp, Stamped
from service.models.tags import GetTagRequest, ListTagsRequest, TagOrder
from service.paging import Page, read_page

NO_TAG = "no such tag, or not visible to this key"
# Types of the page key, by the order of the list. The version is not part of the key: it is derived from the tag.
_KEYS: dict[TagOrder, tuple[type, ...]] = {"name": (str,), "version": (str,), "pushed_at": (datetime, str)}
_Rank: TypeAlias = tuple[float, bytes, str]


async def get_tag(context: Context, caller: Caller, request: GetTagRequest) -> Stamped:
    """Return one tag."""
    db = context.db
    if request.as_of is not None:
        return await _get_past_tag(db, caller, request, request.as_of)
    row = await tags.get_tag(
        db, caller.projects, request.registry, request.repository, request.tag, spoken_of(request).subjects
    )
    if row is None:
        raise NotFound(NO_TAG)
    return Stamped({name: row[name] for name in tags.TAG_FIELDS}, Stamp.of(row))


async def _get_past_tag(db: Database, caller: Caller, request: GetTagRequest, as_of: datetime) -> Stamped:
    row = await find_repository(db, caller, request, NO_TAG)
    history = await read_entries(db, row["id"], [request.tag])
    entry = entry_at(history.get(request.tag, ()), as_of)
    if entry is None:
        raise NotFound(NO_TAG)
    (tag,) = await describe_tags(db, row["id"], request.registry, request.repository, [(request.tag, entry)], as_of)
    return Stamped(tag, Stamp.of(row))


async def list_tags(context: Context, caller: Caller, request: ListTagsRequest) -> Stamped:
    """List the tags of a repository, ordered by name, by version or newest first."""
    db = context.db
    page = read_page("ListTags", caller, request, *_KEYS[request.order_by])
    glob = Glob.of(request.match)
    row = await find_repository(db, caller, request, NO_REPOSITORY)
    if request.as_of is None:
        found, token = await _list_present_tags(db, row["id"], request, page, glob)
    else:
        found, token = await _list_past_tags(db, row["id"], request, page, glob, request.as_of)
    return Stamped({"tags": found, "next_page_token": token, **watermark_of(row)}, Stamp.of(row))


async def _list_present_tags(
    db: Database, repository_id: int, request: ListTagsRequest, page: Page, glob: Glob
) -> tuple[list[Answer], str]:
    with_artifacts = request.include_artifacts
    if request.order_by == "pushed_at":
        rows = await tags.list_newest_tags(
            db, repository_id, pattern=glob.pattern, with_artifacts=with_artifacts, after=page.after, limit=page.limit
        )
    elif request.order_by == "version":
        (after,) = page.after or ("",)
        rows = await tags.list_tags_by_version(
            db, repository_id, pattern=glob.pattern, with_artifacts=with_artifacts, after=after, limit=page.limit
        )
    else:
        (after,) = page.after or ("",)
        rows = await tags.list_tags(
            db,
            repository_id,
            pattern=glob.pattern,
            prefix=glob.prefix,
            with_artifacts=with_artifacts,
            after=after,
            limit=page.limit,
        )
    shown, token = page.cut(
        rows, lambda row: (row["sorted_at"], row["tag"]) if request.order_by == "pushed_at" else (row["tag"],)
    )
    return [{name: row[name] for name in tags.TAG_FIELDS} for row in shown], token


async def _list_past_tags(
    db: Database, repository_id: int, request: ListTagsRequest, page: Page, glob: Glob, as_of: datetime
) -> tuple[list[Answer], str]:
    by_name, by_time = request.order_by == "name", request.order_by == "pushed_at"
    after = page.after[-1] if by_name and page.after else ""
    past = tags_at(db, repository_id, as_of, glob=glob, with_artifacts=request.include_artifacts, after=after)
    found: list[PastTag] = []
    if by_name:
        async for item in past:
            found.append(item)
            if len(found) == page.limit:
                break
    else:
        # Past tags can be read in order of name only. For other orders derive all of them and keep the first ones.
        last = _rank(page.after[0] if by_time else None, page.after[-1]) if page.after else None
        ranked = [(_rank(item.sorted_at if by_time else None, item.name), item) async for item in past]
        rest = (pair for pair in ranked if last is None or pair[0] > last)
        found = [item for _, item in heapq.nsmallest(page.limit, rest, key=lambda pair: pair[0])]
    shown, token = page.cut(found, lambda item: (item.sorted_at, item.name) if by_time else (item.name,))
    described = [(item.name, item.entry) for item in shown]
    return await describe_tags(db, repository_id, request.registry, request.repository, described, as_of), token


def _rank(at: datetime | None, tag: str) -> _Rank:
    """Return a sort key: newer times (if any) come first, then newer versions, then names in ascending order.

    No version key is a prefix of another one, so inverting the bytes reverses their order.
    """
    inverted = bytes(255 - byte for byte in version_key(tag).encode())
    return (-at.timestamp() if at else 0.0, inverted, tag)
