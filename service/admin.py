"""Use cases for operators: backfills and dead letters. They queue work for the indexer and show its state."""

from regdex.errors import InvalidArgument, NotFound
from regdex.store.catalog import registries
from regdex.store.queues import backfills, dead_letters
from service.caller import Caller
from service.catalog.repositories import Answer, describe_backfill, find_registry
from service.context import Context
from service.models.admin import (
    GetBackfillRequest,
    ListDeadLettersRequest,
    ReplayDeadLettersRequest,
    StartBackfillRequest,
)
from service.paging import read_page


async def start_backfill(context: Context, caller: Caller, request: StartBackfillRequest) -> Answer:
    """Request a full read of a registry, or return the one that is already waiting or running."""
    registry = await find_registry(context.db, caller, request.registry)
    if registry["paused"]:
        raise InvalidArgument("registry: is paused, so it cannot be read")
    return describe_backfill(caller, await backfills.request_backfill(context.db, registry["id"], force=request.force))


async def get_backfill(context: Context, caller: Caller, request: GetBackfillRequest) -> Answer:
    """Return the state and progress of a backfill."""
    row = await backfills.get_backfill(context.db, request.id)
    if row is None or await registries.find_registry(context.db, caller.projects, row["registry"]) is None:
        raise NotFound("no such backfill, or not visible to this key")
    return describe_backfill(caller, row)


async def list_dead_letters(context: Context, caller: Caller, request: ListDeadLettersRequest) -> Answer:
    """List dead letters, oldest first."""
    page = read_page("ListDeadLetters", caller, request, int)
    (after,) = page.after or (0,)
    rows = await dead_letters.list_dead_letters(context.db, registry=request.registry, after_id=after, limit=page.limit)
    rows, token = page.cut(rows, lambda row: (row["id"],))
    return {"dead_letters": [dict(row) for row in rows], "next_page_token": token}


async def replay_dead_letters(context: Context, caller: Caller, request: ReplayDeadLettersRequest) -> Answer:
    """Put dead letters back into the inbox."""
    count = await dead_letters.replay_dead_letters(context.db, registry=request.registry, ids=request.ids)
    return {"replayed_count": count}
