"""The table of operations, from which REST routes, gRPC methods, the OpenAPI document and authorisation are made."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any, TypeVar

from pydantic import BaseModel

from service import admin, statistics
from service.caller import Caller, Scope
from service.catalog import curation, digests, history, manifests, references, tags
from service.catalog import repositories as catalog
from service.context import Context
from service.contract import find_method
from service.etags import Stamped
from service.models import admin as admin_models
from service.models import history as history_models
from service.models import manifests as manifest_models
from service.models import repositories as repository_models
from service.models import search as search_models
from service.models import statistics as statistics_models
from service.models import tags as tag_models
from service.models.message import Message, Request
from service.searching import search, search_index, suggest

Model = TypeVar("Model", bound=BaseModel)
Run = Callable[[Context, Caller, Any], Awaitable[dict[str, Any] | Stamped]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """An RPC and its REST route.

    `rpc` is `Service.Method`. `http` is the method and the path below /api/v1; path parameters have the names of
    request fields. REST may answer a `cached` operation from its cache (see `service.rest.answers`). A `versioned`
    operation returns `Stamped`: its request names a repository, and its answer changes only with that repository's
    version.
    """

    rpc: str
    http: str
    run: Run
    request: type[Request]
    response: type[Message]
    scope: Scope
    cached: bool = False
    versioned: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.scope, Scope):
            raise TypeError(f"{self.rpc} has no scope")

    @property
    def summary(self) -> str:
        """The first line of the docstring of the use case; it is published in the OpenAPI document."""
        return (self.run.__doc__ or "").strip().splitlines()[0]

    @property
    def service(self) -> str:
        return self.rpc.partition(".")[0]

    @property
    def method(self) -> str:
        return self.rpc.partition(".")[2]

    @property
    def verb(self) -> str:
        """GET, POST, PATCH or DELETE."""
        return self.http.partition(" ")[0]

    @property
    def takes_body(self) -> bool:
        """Whether REST reads parameters outside of the path from a JSON body rather than from the query string."""
        return self.verb in ("POST", "PATCH")

    @property
    def refreshes(self) -> bool:
        """Whether it clears the REST cache. A client that sees a backfill end must not get older answers afterwards."""
        return self.response is admin_models.Backfill

    @property
    def path(self) -> str:
        return self.http.partition(" ")[2]


def _models(module: ModuleType, kind: type[Model]) -> Iterator[type[Model]]:
    return (value for value in vars(module).values() if isinstance(value, type) and issubclass(value, kind))


_MODULES = (
    admin_models,
    history_models,
    manifest_models,
    repository_models,
    search_models,
    statistics_models,
    tag_models,
)
_REQUESTS = {model.__name__: model for module in _MODULES for model in _models(module, Request)}
_RESPONSES = {model.__name__: model for module in _MODULES for model in _models(module, Message)}


def _rpc(rpc: str, http: str, run: Run, scope: Scope, *, cached: bool = False, versioned: bool = False) -> Operation:
    """Return an operation. Its request and response models are found by the names of the RPC's messages."""
    method = find_method(rpc)
    request, response = _REQUESTS[method.input_type.name], _RESPONSES[method.output_type.name]
    return Operation(
        rpc=rpc,
        http=http,
        run=run,
        request=request,
        response=response,
        scope=scope,
        cached=cached,
        versioned=versioned,
    )


OPERATIONS = (
    _rpc("CatalogService.ListRegistries", "GET /registries", catalog.list_registries, Scope.READ, cached=True),
    _rpc("CatalogService.GetRegistry", "GET /registries/{registry}", catalog.get_registry, Scope.READ, cached=True),
    _rpc("CatalogService.ListProjects", "GET /projects", catalog.list_projects, Scope.READ, cached=True),
    _rpc("CatalogService.ListRepositories", "GET /repositories", catalog.list_repositories, Scope.READ, cached=True),
    _rpc(
        "CatalogService.GetRepository",
        "GET /repositories/{registry}/{repository}",
        catalog.get_repository,
        Scope.READ,
        cached=True,
    ),
    _rpc(
        "CatalogService.UpdateRepository",
        "PATCH /repositories/{registry}/{repository}",
        curation.update_repository,
        Scope.WRITE,
    ),
    _rpc(
        "CatalogService.StarRepository",
        "POST /repositories/{registry}/{repository}/-/star",
        curation.star_repository,
        Scope.WRITE,
    ),
    _rpc(
        "CatalogService.UnstarRepository",
        "DELETE /repositories/{registry}/{repository}/-/star",
        curation.unstar_repository,
        Scope.WRITE,
    ),
    _rpc(
        "CatalogService.ListTags",
        "GET /repositories/{registry}/{repository}/-/tags",
        tags.list_tags,
        Scope.READ,
        cached=True,
        versioned=True,
    ),
    _rpc(
        "CatalogService.GetTag",
        "GET /repositories/{registry}/{repository}/-/tags/{tag}",
        tags.get_tag,
        Scope.READ,
        cached=True,
        versioned=True,
    ),
    _rpc(
        "CatalogService.GetManifest",
        "GET /repositories/{registry}/{repository}/-/manifests/{digest}",
        manifests.get_manifest,
        Scope.READ,
        cached=True,
        versioned=True,
    ),
    _rpc(
        "CatalogService.ListReferrers",
        "GET /repositories/{registry}/{repository}/-/manifests/{digest}/referrers",
        manifests.list_referrers,
        Scope.READ,
        cached=True,
    ),
    _rpc("CatalogService.ResolveReference", "GET /resolve", references.resolve_reference, Scope.READ, cached=True),
    _rpc("CatalogService.LookupDigest", "GET /digests/{digest}", digests.lookup_digest, Scope.READ, cached=True),
    _rpc(
        "HistoryService.ListTagHistory",
        "GET /repositories/{registry}/{repository}/-/tags/{tag}/history",
        history.list_tag_history,
        Scope.READ,
        cached=True,
        versioned=True,
    ),
    _rpc("SearchService.SearchRepositories", "GET /search", search.search_repositories, Scope.READ),
    _rpc("SearchService.SuggestRepositories", "GET /suggest", suggest.suggest_repositories, Scope.READ),
    _rpc("StatisticsService.GetDownloads", "GET /downloads", statistics.get_downloads, Scope.READ),
    _rpc("StatisticsService.ListTopRepositories", "GET /downloads/top", statistics.list_top_repositories, Scope.READ),
    _rpc("AdminService.StartBackfill", "POST /registries/{registry}:backfill", admin.start_backfill, Scope.WRITE),
    _rpc("AdminService.GetBackfill", "GET /backfills/{id}", admin.get_backfill, Scope.READ),
    _rpc("AdminService.ListDeadLetters", "GET /dead-letters", admin.list_dead_letters, Scope.ADMIN),
    _rpc("AdminService.ReplayDeadLetters", "POST /dead-letters:replay", admin.replay_dead_letters, Scope.ADMIN),
    _rpc("AdminService.GetSearchIndex", "GET /search-index", search_index.get_search_index, Scope.READ),
    _rpc(
        "AdminService.RebuildSearchIndex", "POST /search-index:rebuild", search_index.rebuild_search_index, Scope.ADMIN
    ),
)
