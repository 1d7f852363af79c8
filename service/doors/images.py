"""Use case of `docker search` and `podman search`."""

from collections.abc import AsyncIterator
from typing import Any

from regdex.database import Database
from regdex.errors import InvalidArgument
from regdex.reference import check_registry
from regdex.store.catalog import registries
from service.caller import Caller
from service.context import Context
from service.doors.messages import SearchImagesRequest
from service.doors.names import write_name
from service.models.search import SearchRepositoriesRequest
from service.paging import Page
from service.searching.search import MAX_HITS, search_repositories

DEFAULT_SIZE = 25
MAX_SIZE = 100


async def search_images(context: Context, caller: Caller, request: SearchImagesRequest) -> dict[str, Any]:
    """Search repositories by a term in the query language, best first."""
    size = min(request.n or DEFAULT_SIZE, MAX_SIZE)
    offset = (request.page - 1) * size
    if offset >= MAX_HITS:
        raise InvalidArgument(f"page: only the first {MAX_HITS} results can be paged")
    found: dict[str, Any] = {"hits": [], "total": 0}
    async for registry, q in _readings(context.db, caller, request):
        found = await _search(context, caller, registry, q, offset, size)
        if found["total"]:
            break
    return {
        "num_results": found["total"],
        "query": request.q,
        "num_pages": -(-min(found["total"], MAX_HITS) // size),
        "page": request.page,
        "page_size": size,
        "results": [_result(hit, request.within) for hit in found["hits"]],
    }


async def _readings(db: Database, caller: Caller, request: SearchImagesRequest) -> AsyncIterator[tuple[str, str]]:
    """Yield the registry and the query that a term may mean, the more likely first.

    `prod/nginx` is first read as `nginx` in the registry `prod`, if there is such a registry.
    """
    if not request.within:
        first, slash, rest = request.q.partition("/")
        if slash and _may_be_registry(first) and await registries.find_registry(db, caller.projects, first):
            yield first, rest
    yield request.within, request.q


def _may_be_registry(text: str) -> bool:
    try:
        check_registry(text)
    except InvalidArgument:
        return False
    return True


async def _search(context: Context, caller: Caller, registry: str, q: str, offset: int, size: int) -> dict[str, Any]:
    request = SearchRepositoriesRequest(q=q, registry=registry, page_size=size)
    if offset:
        token = Page("SearchRepositories", size, None, caller, request).token((offset,))
        request = request.model_copy(update={"page_token": token})
    return await search_repositories(context, caller, request)


def _result(hit: dict[str, Any], within: str) -> dict[str, Any]:
    return {
        "name": write_name(hit["registry"], hit["repository"], within),
        "description": _line(hit["description"] or hit.get("title", "")),
        "star_count": hit.get("stars", 0),
        "is_official": hit.get("official", False),
        "is_automated": False,
        "is_trusted": False,
    }


def _line(text: str) -> str:
    """Return the text as one line without control characters, because clients print it unchanged."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
