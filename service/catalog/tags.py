"""Use cases of tags, now and as they were."""

import heapq
from datetime import datetime
from typing import Any

from regdex.caller import Caller
from regdex.database import Database
from regdex.errors import NotFound
from regdex.store.catalog import repositories, tags
from service.catalog.as_of import describe_tags, entry_at, read_entries, tags_at
from service.catalog.globs import Glob
from service.catalog.repositories import NO_REPOSITORY, Answer
from service.models.catalog import GetTagRequest, ListTagsRequest
from service.paging import Page, read_page

NO_TAG = "no such tag, or not visible to this key"


async def get_tag(db: Database, caller: Caller, request: GetTagRequest) -> Answer:
    """One tag."""
    if request.as_of is not None:
        return await _get_past_tag(db, caller, request, request.as_of)
    row = await tags.get_tag(db, caller.projects, request.registry, request.repository, request.tag)
    if row is None:
        raise NotFound(NO_TAG)
    return dict(zip(tags.TAG_FIELDS, row, strict=False))


async def _get_past_tag(db: Database, caller: Caller, request: GetTagRequest, as_of: datetime) -> Answer:
    row = await repositories.find_repository(db, caller.projects, request.registry, request.repository)
    if row is None:
        raise NotFound(NO_TAG)
    history = await read_entries(db, row["id"], [request.tag])
    entry = entry_at(history.get(request.tag, ()), as_of)
    if entry is None:
        raise NotFound(NO_TAG)
    (tag,) = await describe_tags(db, row["id"], request.registry, request.repository, [(request.tag, entry)], as_of)
    return tag


async def list_tags(db: Database, caller: Caller, request: ListTagsRequest) -> Answer:
    """Tags of a repository by name, or last moved first."""
    by_name = request.order_by == "name"
    page = read_page("ListTags", caller, request, *((str,) if by_name else (datetime, str)))
    glob = Glob.of(request.match)
    if request.as_of is not None:
        return await _list_past_tags(db, caller, request, page, glob, request.as_of)
    if by_name:
        (after,) = page.after or ("",)
        rows = await tags.list_tags(
            db,
            caller.projects,
            request.registry,
            request.repository,
            pattern=glob.pattern,
            prefix=glob.prefix,
            with_artifacts=request.include_artifacts,
            after=after,
            limit=page.limit,
        )
    else:
        rows = await tags.list_newest_tags(
            db,
            caller.projects,
            request.registry,
            request.repository,
            pattern=glob.pattern,
            with_artifacts=request.include_artifacts,
            after=page.after,
            limit=page.limit,
        )
    if not rows:
        raise NotFound(NO_REPOSITORY)
    watermark = rows[0]
    if watermark["tag"] is None:
        rows = []
    rows, token = page.cut(rows, lambda row: (row["tag"],) if by_name else (row["pushed_at"], row["tag"]))
    return {
        "tags": [dict(zip(tags.TAG_FIELDS, row, strict=False)) for row in rows],
        "next_page_token": token,
        "indexed_through": watermark["indexed_through"],
        "complete": watermark["complete"],
    }


async def _list_past_tags(
    db: Database, caller: Caller, request: ListTagsRequest, page: Page, glob: Glob, as_of: datetime
) -> Answer:
    row = await repositories.find_repository(db, caller.projects, request.registry, request.repository)
    if row is None:
        raise NotFound(NO_REPOSITORY)
    found: list[Any] = []
    if request.order_by == "name":
        (after,) = page.after or ("",)
        async for item in tags_at(
            db, row["id"], as_of, glob=glob, with_artifacts=request.include_artifacts, after=after
        ):
            found.append(item)
            if len(found) == page.limit:
                break
        shown, token = page.cut(found, lambda item: (item[0],))
    else:
        # By time there is no order to read in: every tag has to be derived, and the newest kept.
        everything = [
            item
            async for item in tags_at(db, row["id"], as_of, glob=glob, with_artifacts=request.include_artifacts)
            if page.after is None or _newest_first(item) > (-page.after[0].timestamp(), page.after[1])
        ]
        found = heapq.nsmallest(page.limit, everything, key=_newest_first)
        shown, token = page.cut(found, lambda item: (item[1].at, item[0]))
    return {
        "tags": await describe_tags(db, row["id"], request.registry, request.repository, shown, as_of),
        "next_page_token": token,
        "indexed_through": row["indexed_through"],
        "complete": row["complete"],
    }


def _newest_first(item: Any) -> tuple[float, str]:
    return (-item[1].at.timestamp(), item[0])
