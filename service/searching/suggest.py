"""Use case of suggestions: complete typed text to repositories and projects, and to tags after a colon."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from regdex.errors import InvalidArgument
from regdex.search import Document, Query
from regdex.search.language.parser import FIELD_NAMES, parse, quote
from regdex.search.language.query import is_exactly
from regdex.store.search import suggestions
from service.caller import Caller
from service.context import Context
from service.models.search import SuggestRepositoriesRequest
from service.searching.engines import Answered, search

DEFAULT_LIMIT = 10
MAX_PROJECTS = 3
REPOSITORIES_WITH_TAGS = 3


async def suggest_repositories(context: Context, caller: Caller, request: SuggestRepositoriesRequest) -> dict[str, Any]:
    """Complete the typed text, best suggestions first.

    Text that is not a valid query yet, such as an open quote, has no suggestions.
    """
    limit = request.limit or DEFAULT_LIMIT
    text = request.q.strip()
    name, colon, tag = text.rpartition(":")
    has_tag = bool(colon and name and "/" not in tag and tag.isprintable()) and name.lower() not in FIELD_NAMES
    try:
        query = parse(name if has_tag else text, now=datetime.now(UTC)).query
    except InvalidArgument:
        return {"suggestions": [], "degraded": False}
    query = replace(
        query,
        filters=(*query.filters, *([is_exactly("registry", request.registry)] if request.registry else [])),
        project_ids=caller.project_ids,
        limit=REPOSITORIES_WITH_TAGS if has_tag else limit,
    )
    if has_tag:
        answered = await search(context, query)
        found = await _tags(context, caller, answered, tag, limit)
    else:
        answered, projects = await asyncio.gather(
            search(context, query), _projects(context, caller, query, registry=request.registry)
        )
        repositories = [_suggestion("repository", document) for document in answered.found.documents]
        found = repositories[: max(limit - len(projects), 1)] + projects
    return {"suggestions": found[:limit], "degraded": answered.degraded}


async def _tags(context: Context, caller: Caller, answered: Answered, prefix: str, limit: int) -> list[dict[str, Any]]:
    documents = {document.id: document for document in answered.found.documents}
    rows = await suggestions.list_tags(context.db, caller.projects, list(documents), prefix=prefix, limit=limit)
    return [_suggestion("tag", documents[row["repository_id"]], row["tag"]) for row in rows]


async def _projects(context: Context, caller: Caller, query: Query, *, registry: str) -> list[dict[str, Any]]:
    """Return projects whose name begins with the typed text. Empty text and text with conditions have none."""
    if query != Query(text=query.text, filters=query.filters, project_ids=query.project_ids, limit=query.limit):
        return []
    if not query.text or not query.text.isprintable() or len(query.filters) > bool(registry):
        return []
    rows = await suggestions.list_projects(
        context.db, caller.projects, prefix=query.text.lower(), registry=registry, limit=MAX_PROJECTS
    )
    return [
        {
            "kind": "project",
            "text": f"project:{quote(row['project'])}",
            "registry": row["registry"],
            "repository": "",
            "project": row["project"],
            "tag": "",
        }
        for row in rows
    ]


def _suggestion(kind: str, document: Document, tag: str = "") -> dict[str, Any]:
    return {
        "kind": kind,
        "text": f"{document.repository}:{tag}" if tag else document.repository,
        "registry": document.registry,
        "repository": document.repository,
        "project": document.project,
        "tag": tag,
    }
