"""The operations: one table that REST routes, gRPC methods, the OpenAPI document and authorisation all come from."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from regdex.caller import Caller, Scope
from regdex.database import Database
from service import admin, search_index, statistics
from service.catalog import curation, digests, history, manifests, references, tags
from service.catalog import repositories as catalog
from service.context import Context
from service.etags import Stamped
from service.models import admin as admin_models
from service.models import catalog as catalog_models
from service.models import history as history_models
from service.models import search as search_models
from service.models import statistics as statistics_models
from service.models.message import Message, Request
from service.searching import search, suggest

Run = Callable[[Context, Caller, Any], Awaitable[dict[str, Any] | Stamped]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """`rpc` is `Service.Method`; `http` is method and path below /api/v1, its parameters named as the fields.

    `cached` answers may be a quarter of a second old over REST. `versioned` ones are `Stamped`: the request names a
    repository, and nothing but a change of that repository's version changes the answer.
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
        """The first sentence of what the use case says of itself."""
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
        """Over REST, what is not in the path comes as a JSON body, else as a query."""
        return self.verb in ("POST", "PATCH")

    @property
    def path(self) -> str:
        return self.http.partition(" ")[2]


def _on_database(use_case: Callable[[Database, Caller, Any], Awaitable[dict[str, Any] | Stamped]]) -> Run:
    @wraps(use_case)
    def run(context: Context, caller: Caller, request: Any) -> Awaitable[dict[str, Any] | Stamped]:
        return use_case(context.db, caller, request)

    return run


OPERATIONS = (
    Operation(
        rpc="CatalogService.ListRegistries",
        http="GET /registries",
        run=_on_database(catalog.list_registries),
        request=catalog_models.ListRegistriesRequest,
        response=catalog_models.ListRegistriesResponse,
        scope=Scope.READ,
        cached=True,
    ),
    Operation(
        rpc="CatalogService.GetRegistry",
        http="GET /registries/{registry}",
        run=_on_database(catalog.get_registry),
        request=catalog_models.GetRegistryRequest,
        response=catalog_models.Registry,
        scope=Scope.READ,
        cached=True,
    ),
    Operation(
        rpc="CatalogService.ListProjects",
        http="GET /projects",
        run=_on_database(catalog.list_projects),
        request=catalog_models.ListProjectsRequest,
        response=catalog_models.ListProjectsResponse,
        scope=Scope.READ,
        cached=True,
    ),
    Operation(
        rpc="CatalogService.ListRepositories",
        http="GET /repositories",
        run=catalog.list_repositories,
        request=catalog_models.ListRepositoriesRequest,
        response=catalog_models.ListRepositoriesResponse,
        scope=Scope.READ,
        cached=True,
    ),
    Operation(
        rpc="CatalogService.GetRepository",
        http="GET /repositories/{registry}/{repository}",
        run=catalog.get_repository,
        request=catalog_models.GetRepositoryRequest,
        response=catalog_models.Repository,
        scope=Scope.READ,
        cached=True,
    ),
    Operation(
        rpc="CatalogService.UpdateRepository",
        http="PATCH /repositories/{registry}/{repository}",
        run=curation.update_repository,
        request=catalog_models.UpdateRepositoryRequest,
        response=catalog_models.Repository,
        scope=Scope.WRITE,
    ),
    Operation(
        rpc="CatalogService.StarRepository",
        http="POST /repositories/{registry}/{repository}/-/star",
        run=curation.star_repository,
        request=catalog_models.StarRepositoryRequest,
        response=catalog_models.Stars,
        scope=Scope.WRITE,
    ),
    Operation(
        rpc="CatalogService.UnstarRepository",
        http="DELETE /repositories/{registry}/{repository}/-/star",
        run=curation.unstar_repository,
        request=catalog_models.UnstarRepositoryRequest,
        response=catalog_models.Stars,
        scope=Scope.WRITE,
    ),
    Operation(
        rpc="CatalogService.ListTags",
        http="GET /repositories/{registry}/{repository}/-/tags",
        run=_on_database(tags.list_tags),
        request=catalog_models.ListTagsRequest,
        response=catalog_models.ListTagsResponse,
        scope=Scope.READ,
        cached=True,
        versioned=True,
    ),
    Operation(
        rpc="CatalogService.GetTag",
        http="GET /repositories/{registry}/{repository}/-/tags/{tag}",
        run=_on_database(tags.get_tag),
        request=catalog_models.GetTagRequest,
        response=catalog_models.Tag,
        scope=Scope.READ,
        cached=True,
        versioned=True,
    ),
    Operation(
        rpc="CatalogService.GetManifest",
        http="GET /repositories/{registry}/{repository}/-/manifests/{digest}",
        run=_on_database(manifests.get_manifest),
        request=catalog_models.GetManifestRequest,
        response=catalog_models.Manifest,
        scope=Scope.READ,
        cached=True,
        versioned=True,
    ),
    Operation(
        rpc="CatalogService.ListReferrers",
        http="GET /repositories/{registry}/{repository}/-/manifests/{digest}/referrers",
        run=_on_database(manifests.list_referrers),
        request=catalog_models.ListReferrersRequest,
        response=catalog_models.ListReferrersResponse,
        scope=Scope.READ,
        cached=True,
    ),
    Operation(
        rpc="CatalogService.ResolveReference",
        http="GET /resolve",
        run=_on_database(references.resolve_reference),
        request=catalog_models.ResolveReferenceRequest,
        response=catalog_models.ResolveReferenceResponse,
        scope=Scope.READ,
        cached=True,
    ),
    Operation(
        rpc="CatalogService.LookupDigest",
        http="GET /digests/{digest}",
        run=_on_database(digests.lookup_digest),
        request=catalog_models.LookupDigestRequest,
        response=catalog_models.LookupDigestResponse,
        scope=Scope.READ,
        cached=True,
    ),
    Operation(
        rpc="HistoryService.ListTagHistory",
        http="GET /repositories/{registry}/{repository}/-/tags/{tag}/history",
        run=_on_database(history.list_tag_history),
        request=history_models.ListTagHistoryRequest,
        response=history_models.ListTagHistoryResponse,
        scope=Scope.READ,
        cached=True,
        versioned=True,
    ),
    Operation(
        rpc="SearchService.SearchRepositories",
        http="GET /search",
        run=search.search_repositories,
        request=search_models.SearchRepositoriesRequest,
        response=search_models.SearchRepositoriesResponse,
        scope=Scope.READ,
    ),
    Operation(
        rpc="SearchService.SuggestRepositories",
        http="GET /suggest",
        run=suggest.suggest_repositories,
        request=search_models.SuggestRepositoriesRequest,
        response=search_models.SuggestRepositoriesResponse,
        scope=Scope.READ,
    ),
    Operation(
        rpc="StatisticsService.GetDownloads",
        http="GET /downloads",
        run=_on_database(statistics.get_downloads),
        request=statistics_models.GetDownloadsRequest,
        response=statistics_models.GetDownloadsResponse,
        scope=Scope.READ,
    ),
    Operation(
        rpc="StatisticsService.ListTopRepositories",
        http="GET /downloads/top",
        run=_on_database(statistics.list_top_repositories),
        request=statistics_models.ListTopRepositoriesRequest,
        response=statistics_models.ListTopRepositoriesResponse,
        scope=Scope.READ,
    ),
    Operation(
        rpc="AdminService.StartBackfill",
        http="POST /registries/{registry}:backfill",
        run=_on_database(admin.start_backfill),
        request=admin_models.StartBackfillRequest,
        response=admin_models.Backfill,
        scope=Scope.WRITE,
    ),
    Operation(
        rpc="AdminService.GetBackfill",
        http="GET /backfills/{id}",
        run=_on_database(admin.get_backfill),
        request=admin_models.GetBackfillRequest,
        response=admin_models.Backfill,
        scope=Scope.READ,
    ),
    Operation(
        rpc="AdminService.ListDeadLetters",
        http="GET /dead-letters",
        run=_on_database(admin.list_dead_letters),
        request=admin_models.ListDeadLettersRequest,
        response=admin_models.ListDeadLettersResponse,
        scope=Scope.ADMIN,
    ),
    Operation(
        rpc="AdminService.ReplayDeadLetters",
        http="POST /dead-letters:replay",
        run=_on_database(admin.replay_dead_letters),
        request=admin_models.ReplayDeadLettersRequest,
        response=admin_models.ReplayDeadLettersResponse,
        scope=Scope.ADMIN,
    ),
    Operation(
        rpc="AdminService.GetSearchIndex",
        http="GET /search-index",
        run=_on_database(search_index.get_search_index),
        request=admin_models.GetSearchIndexRequest,
        response=admin_models.SearchIndex,
        scope=Scope.READ,
    ),
    Operation(
        rpc="AdminService.RebuildSearchIndex",
        http="POST /search-index:rebuild",
        run=_on_database(search_index.rebuild_search_index),
        request=admin_models.RebuildSearchIndexRequest,
        response=admin_models.SearchIndex,
        scope=Scope.ADMIN,
    ),
)
