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
from service.searching.search import LAST_OFFSET, search_repositories

DEFAULT_SIZE = 25
LARGEST_SIZE = 100


async def search_images(context: Context, caller: Caller, request: SearchImagesRequest) -> dict[str, Any]:
    """Repositories by a term of the query language, best first."""
    size = min(request.n or DEFAULT_SIZE, LARGEST_SIZE)
    offset = (request.page - 1) * size
    if offset >= LAST_OFFSET:
        raise InvalidArgument(f"page: only the first {LAST_OFFSET} results can be paged")
    found: dict[str, Any] = {"hits": [], "total": 0}
    async for registry, q in _readings(context.db, caller, request):
        found = await _search(context, caller, registry, q, offset, size)
        if found["total"]:
            break
    return {
        "num_results": found["total"],
        "query": request.q,
        "num_pages": -(-min(found["total"], LAST_OFFSET) // size),
        "page": request.page,
        "page_size": size,
        "results": [_result(hit, request.within) for hit in found["hits"]],
    }


async def _readings(db: Database, caller: Caller, request: SearchImagesRequest) -> AsyncIterator[tuple[str, str]]:
    """What a term may mean, the likelier first: `prod/nginx` is nginx in the registry prod, where there is one."""
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
    """The text as one line: clients print it as it is, control characters and all."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
