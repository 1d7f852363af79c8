"""Use cases of the search index: how far it is behind, and building it anew. The work is the indexer's."""

from regdex.database import Database
from regdex.store.queues import outbox
from regdex.store.search import documents
from regdex.store.search import index_state as search_index
from service.caller import Caller
from service.catalog.repositories import Answer
from service.context import Context
from service.models.admin import GetSearchIndexRequest, RebuildSearchIndexRequest


async def get_search_index(context: Context, caller: Caller, request: GetSearchIndexRequest) -> Answer:
    """Which search index answers, and how far it is behind."""
    return await _answer(context.db)


async def rebuild_search_index(context: Context, caller: Caller, request: RebuildSearchIndexRequest) -> Answer:
    """Ask the indexer to build the search index anew beside the one that answers."""
    await search_index.request_rebuild(context.db)
    return await _answer(context.db)


async def _answer(db: Database) -> Answer:
    state = await search_index.get_index_state(db)
    return {
        "index_id": state.fingerprint.index_id if state.fingerprint else "",
        "rebuilding": state.rebuild_requested_at is not None or bool(state.replaces),
        "rebuild_requested_at": state.rebuild_requested_at,
        "rebuilt_documents": state.rebuilt_documents,
        "total_documents": await documents.count_repositories(db),
        "waiting": await outbox.count_waiting(db),
        "index_lag_seconds": state.lag_seconds,
    }
