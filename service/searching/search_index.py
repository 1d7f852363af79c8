"""Use cases of the search index: show how far it lags, and request a rebuild, which the indexer does."""

from regdex.database import Database
from regdex.store.queues import outbox
from regdex.store.search import documents
from regdex.store.search import index_state as search_index
from service.caller import Caller
from service.catalog.repositories import Answer
from service.context import Context
from service.models.admin import GetSearchIndexRequest, RebuildSearchIndexRequest


async def get_search_index(context: Context, caller: Caller, request: GetSearchIndexRequest) -> Answer:
    """Return which search index answers searches, and how far it lags behind the database."""
    return await _answer(context.db)


async def rebuild_search_index(context: Context, caller: Caller, request: RebuildSearchIndexRequest) -> Answer:
    """Ask the indexer to build a new search index; the current one answers until it is ready."""
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
