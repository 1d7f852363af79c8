"""Use cases of listing and pulling: list repositories and tags, and locate manifests and blobs."""

from typing import Any

from regdex.database import Database
from regdex.errors import NotFound
from regdex.store.catalog import repositories, tags
from service.caller import Caller
from service.context import Context
from service.doors.messages import (
    ListCatalogRequest,
    ListImageTagsRequest,
    LocateBlobRequest,
    LocateManifestRequest,
    PingRequest,
)
from service.doors.names import UNKNOWN, read_name, write_name

# Both the default and the maximum of `n`; clients follow the links to further pages.
PAGE_SIZE = 1000


async def ping(context: Context, caller: Caller, request: PingRequest) -> dict[str, Any]:
    """Return nothing. Clients ping to check that the server answers and accepts their credentials."""
    return {}


async def list_catalog(context: Context, caller: Caller, request: ListCatalogRequest) -> dict[str, Any]:
    """List repositories, ordered by registry and name."""
    size = _page_size(request)
    if request.within:
        after = (request.within, request.last)
    else:
        registry, _, repository = request.last.partition("/")
        after = (registry, repository)
    rows = await repositories.list_repository_names(
        context.db, caller.projects, registry=request.within, after=after, limit=size + 1
    )
    names = [write_name(row["registry"], row["repository"], request.within) for row in rows[:size]]
    return {"repositories": names, "has_more": 0 < size < len(rows)}


async def list_image_tags(context: Context, caller: Caller, request: ListImageTagsRequest) -> dict[str, Any]:
    """List all tags of a repository by name, with auxiliary ones, because clients find signatures by their tags."""
    size = _page_size(request)
    registry, repository = read_name(request.name, request.within)
    rows = await tags.list_tag_names(
        context.db, caller.projects, registry, repository, after=request.last, limit=size + 1
    )
    if not rows:
        raise NotFound(UNKNOWN)
    found = [tag for tag in rows if tag is not None]
    return {"name": request.name, "tags": found[:size], "has_more": 0 < size < len(found)}


async def locate_manifest(context: Context, caller: Caller, request: LocateManifestRequest) -> dict[str, Any]:
    """Return the URL of a manifest at its registry, without checking that it exists there."""
    base, repository = await _find_registry_url(context.db, caller, request.name, request.within)
    return {"url": f"{base}/v2/{repository}/manifests/{request.reference}"}


async def locate_blob(context: Context, caller: Caller, request: LocateBlobRequest) -> dict[str, Any]:
    """Return the URL of a blob at its registry, without checking that it exists there."""
    base, repository = await _find_registry_url(context.db, caller, request.name, request.within)
    return {"url": f"{base}/v2/{repository}/blobs/{request.digest}"}


def _page_size(request: ListCatalogRequest) -> int:
    return PAGE_SIZE if request.n is None else min(request.n, PAGE_SIZE)


async def _find_registry_url(db: Database, caller: Caller, name: str, within: str) -> tuple[str, str]:
    registry, repository = read_name(name, within)
    url = await repositories.find_registry_url(db, caller.projects, registry, repository)
    if url is None:
        raise NotFound(UNKNOWN)
    return url, repository
