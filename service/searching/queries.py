"""Conversion of a SearchRepositories request to the engines' query, from `q` and the typed parameters."""

import re
from dataclasses import replace
from datetime import UTC, datetime

from regdex.database import Database
from regdex.errors import InvalidArgument
from regdex.glob import MAX_LENGTH, MAX_STARS
from regdex.search.language.parser import Parsed, check_wildcards, parse
from regdex.search.language.query import (
    FACETS,
    LABEL_FACET,
    Filter,
    NumberField,
    NumberFilter,
    Query,
    Range,
    SignedFilter,
    TextField,
    TextFilter,
    is_exactly,
)
from regdex.search.language.values import text_patterns
from regdex.store.catalog.registries import find_registry_of_host
from regdex.times import to_micros
from service.caller import Caller
from service.context import Context
from service.models.search import SearchRepositoriesRequest

TEXTS: tuple[TextField, ...] = ("tag", "label", "platform", "media_type")
TIMES: tuple[tuple[NumberField, str], ...] = (("pushed_at", "pushed"), ("pulled_at", "pulled"))
NUMBERS: tuple[tuple[NumberField, str], ...] = (
    ("downloads_30d", "downloads"),
    ("size_bytes", "size_bytes"),
    ("stars", "stars"),
)

_HOST = re.compile(r"localhost|[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+|(?:[A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\]):\d{1,5}")


def read_query(
    context: Context, caller: Caller, request: SearchRepositoriesRequest, *, offset: int, limit: int
) -> Parsed:
    """Return the parsed query. Raise InvalidArgument for a syntax error in `q` and for unknown facets."""
    parsed = parse(request.q, now=datetime.now(UTC))
    query = replace(
        parsed.query,
        filters=(*parsed.query.filters, *_filters(request)),
        project_ids=caller.project_ids,
        sort=request.order_by,
        facets=_facets(context, request.facets),
        offset=offset,
        limit=limit,
    )
    check_wildcards(query)
    return Parsed(query, parsed.digest)


async def localize(db: Database, query: Query) -> Query:
    """Replace the registry's host in a pasted reference, `registry.example.com/team/app`, with a registry filter."""
    words = query.text.split(" ")
    for at, word in enumerate(words):
        host, slash, name = word.partition("/")
        if slash and name and _HOST.fullmatch(host):
            registry = await find_registry_of_host(db, host.lower())
            if registry is not None:
                words[at] = name
                filters = (*query.filters, is_exactly("registry", registry))
                return replace(query, text=" ".join(words), filters=filters)
    return query


def _facets(context: Context, names: list[str]) -> tuple[str, ...]:
    known = (*FACETS, *(LABEL_FACET + key for key in sorted(context.facet_labels)))
    if not set(names) <= set(known):
        raise InvalidArgument(f"facets: unknown facet; known facets: {', '.join(known)}")
    return tuple(dict.fromkeys(names))


def _filters(request: SearchRepositoriesRequest) -> list[Filter]:
    filters: list[Filter] = []
    if request.registry:
        filters.append(is_exactly("registry", request.registry))
    if request.project is not None:
        filters.append(is_exactly("project", request.project))
    filters += [_any_of(field, globs) for field in TEXTS if (globs := getattr(request, field))]
    if request.signed is not None:
        filters.append(SignedFilter(request.signed))
    for field, name in TIMES:
        after, before = getattr(request, f"{name}_after"), getattr(request, f"{name}_before")
        if after is not None or before is not None:
            filters.append(NumberFilter(field, (Range(after and to_micros(after), before and to_micros(before)),)))
    for field, name in NUMBERS:
        least, most = getattr(request, f"min_{name}"), getattr(request, f"max_{name}")
        if least is not None or most is not None:
            filters.append(NumberFilter(field, (Range(least, None if most is None else most + 1),)))
    return filters


def _any_of(field: TextField, globs: list[str]) -> TextFilter:
    for glob in globs:
        if glob.count("*") > MAX_STARS:
            raise InvalidArgument(
                f"{field}: a wildcard must have at most {MAX_LENGTH} characters and {MAX_STARS} stars"
            )
    patterns = (p for glob in globs for p in text_patterns(field, glob, is_glob="*" in glob or "?" in glob))
    return TextFilter(field, tuple(patterns))
