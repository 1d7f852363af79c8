"""Use cases of registries, projects and repositories, and the look-ups that other use cases share."""

from typing import Any

import asyncpg

from regdex.database import Database
from regdex.errors import NotFound
from regdex.glob import Glob
from regdex.store.catalog import gaps, projects, registries, repositories
from regdex.store.content import manifests
from regdex.store.queues import backfills
from service.caller import Caller
from service.context import Context
from service.models.admin import Backfill
from service.models.repositories import (
    GetRegistryRequest,
    GetRepositoryRequest,
    ListProjectsRequest,
    ListRegistriesRequest,
    ListRepositoriesRequest,
    UpdateRepositoryRequest,
)
from service.paging import read_page

Answer = dict[str, Any]

MAX_UNREAD = 20
MAX_PROBLEMS = 10
NO_REGISTRY = "no such registry, or not visible to this key"
NO_REPOSITORY = "no such repository, or not visible to this key"


async def find_registry(db: Database, caller: Caller, name: str) -> asyncpg.Record:
    """Return `id` and `paused` of a registry. Raise NotFound when it is unknown or hidden from the caller."""
    row = await registries.find_registry(db, caller.projects, name)
    if row is None:
        raise NotFound(NO_REGISTRY)
    return row


async def find_repository_id(db: Database, caller: Caller, registry: str, repository: str) -> int:
    """Return the id of a repository. Raise NotFound when it is unknown or hidden from the caller."""
    found = await repositories.find_id(db, caller.projects, registry, repository)
    if found is None:
        raise NotFound(NO_REPOSITORY)
    return found


async def list_registries(context: Context, caller: Caller, request: ListRegistriesRequest) -> Answer:
    """List registries, ordered by name."""
    page = read_page("ListRegistries", caller, request, str)
    (after,) = page.after or ("",)
    rows = await registries.list_registries(context.db, caller.projects, after=after, limit=page.limit)
    rows, token = page.cut(rows, lambda row: (row["name"],))
    nothing: Answer = {"last_read": None, "unread": [], "unread_count": 0, "content_problems": []}
    return {"registries": [_registry(row) | nothing for row in rows], "next_page_token": token}


async def get_registry(context: Context, caller: Caller, request: GetRegistryRequest) -> Answer:
    """Return one registry."""
    row = await registries.get_registry(context.db, caller.projects, request.registry)
    if row is None:
        raise NotFound(NO_REGISTRY)
    run = await backfills.get_last_backfill(context.db, request.registry)
    unread = await gaps.list_unread(context.db, caller.projects, request.registry, limit=MAX_UNREAD)
    problems = await manifests.list_unreadable(context.db, caller.projects, request.registry, limit=MAX_PROBLEMS)
    return _registry(row) | {
        "content_problems": [dict(problem) for problem in problems],
        "last_read": None if run is None else describe_backfill(caller, run),
        "unread": [{"repository": one.repository, "reason": one.reason} for one in unread],
        "unread_count": unread[0].total if unread else 0,
    }


def _registry(row: asyncpg.Record) -> Answer:
    """Return the fields of the message that the registry's row gives."""
    answer = dict(row)
    at, sampled, differed = (answer.pop(f"verified_{part}") for part in ("at", "sampled", "differed"))
    return answer | {"verified": None if at is None else {"sampled": sampled, "differed": differed, "at": at}}


def describe_backfill(caller: Caller, row: asyncpg.Record) -> Answer:
    """Return a backfill. Its `message` names repositories, so it is empty for callers who may not see all of them."""
    answer = {name: row[name] for name in Backfill.model_fields}
    return answer if caller.projects is None else answer | {"message": ""}


async def list_projects(context: Context, caller: Caller, request: ListProjectsRequest) -> Answer:
    """List projects, ordered by registry and name."""
    page = read_page("ListProjects", caller, request, str, str)
    rows = await projects.list_projects(
        context.db, caller.projects, registry=request.registry, after=page.after or ("", ""), limit=page.limit
    )
    rows, token = page.cut(rows, lambda row: (row["registry"], row["project"]))
    return {"projects": [dict(row) for row in rows], "next_page_token": token}


async def list_repositories(context: Context, caller: Caller, request: ListRepositoriesRequest) -> Answer:
    """List repositories that have tags or manifests, ordered by registry and name."""
    page = read_page("ListRepositories", caller, request, str, str)
    glob = Glob.of(request.match)
    rows = await repositories.list_repositories(
        context.db,
        caller.projects,
        registry=request.registry,
        project=request.project,
        pattern=glob.pattern,
        prefix=glob.prefix,
        after=page.after or ("", ""),
        limit=page.limit,
    )
    rows, token = page.cut(rows, lambda row: (row["registry"], row["repository"]))
    return {"repositories": [_repository(context, row) for row in rows], "next_page_token": token}


async def get_repository(
    context: Context, caller: Caller, request: GetRepositoryRequest | UpdateRepositoryRequest
) -> Answer:
    """Return one repository, even if it no longer has tags or manifests."""
    row = await repositories.get_repository(context.db, caller.projects, request.registry, request.repository)
    if row is None:
        raise NotFound(NO_REPOSITORY)
    return _repository(context, row)


def _repository(context: Context, row: asyncpg.Record) -> Answer:
    return {**row, "official": context.is_official(row["registry"], row["project"])}
