"""Use cases of what users add to the catalog: stars and descriptions of repositories."""

from regdex.store.catalog import curation
from regdex.store.content.about import without_controls
from service.caller import Caller
from service.catalog.repositories import Answer, find_repository_id, get_repository
from service.context import Context
from service.models.repositories import StarRepositoryRequest, UnstarRepositoryRequest, UpdateRepositoryRequest

# The user of a star that a caller without a key sets; only a service without authentication has such callers.
ANONYMOUS = "anonymous"


async def update_repository(context: Context, caller: Caller, request: UpdateRepositoryRequest) -> Answer:
    """Set the description of a repository; an empty one restores the description from its images."""
    async with context.db.acquire() as conn, conn.transaction():
        repository_id = await find_repository_id(conn, caller, request.registry, request.repository)
        if request.description is not None:
            await curation.set_description(conn, repository_id, without_controls(request.description).strip())
    return await get_repository(context, caller, request)


async def star_repository(context: Context, caller: Caller, request: StarRepositoryRequest) -> Answer:
    """Star a repository for one user."""
    async with context.db.acquire() as conn, conn.transaction():
        repository_id = await find_repository_id(conn, caller, request.registry, request.repository)
        stars = await curation.add_star(conn, repository_id, _user(caller, request))
    return {"stars": stars, "starred": True}


async def unstar_repository(context: Context, caller: Caller, request: UnstarRepositoryRequest) -> Answer:
    """Remove one user's star from a repository."""
    async with context.db.acquire() as conn, conn.transaction():
        repository_id = await find_repository_id(conn, caller, request.registry, request.repository)
        stars = await curation.remove_star(conn, repository_id, _user(caller, request))
    return {"stars": stars, "starred": False}


def _user(caller: Caller, request: StarRepositoryRequest) -> str:
    return request.user or caller.key_id or ANONYMOUS
