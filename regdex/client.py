"""A typed asyncio client of Regdex over gRPC. Needs only grpcio and protobuf.

    async with Client("regdex.example.com:9090", api_key=key) as client:
        answer = await client.search_repositories(q="paymnet-gatway")

Methods are named after the RPCs and take the fields of their requests, see protos/regdex/v1. An enum may be given as a
lower-case word without its prefix (`order_by="pushed_at"`), a time as an aware datetime. A field that is None is not
sent. Methods raise the errors in regdex.errors.
"""

from pathlib import Path
from typing import Any, Self, TypeVar

import grpc
import grpc.aio
from google.protobuf.message import Message

from regdex import errors
from regdex.v1 import admin_pb2 as admin
from regdex.v1 import catalog_pb2 as catalog
from regdex.v1 import history_pb2 as history
from regdex.v1 import search_pb2 as search
from regdex.v1 import statistics_pb2 as statistics

Answer = TypeVar("Answer", bound=Message)

TIMEOUT_SECONDS = 30.0
MAX_ANSWER_BYTES = 32 * 1024 * 1024
TLS_SCHEME = "grpcs://"

_ERRORS: dict[str, type[errors.RegdexError]] = {
    kind.code: kind
    for kind in (
        errors.InvalidArgument,
        errors.Unauthenticated,
        errors.PermissionDenied,
        errors.NotFound,
        errors.Expired,
        errors.Exhausted,
        errors.Unavailable,
    )
}


class Client:
    """One channel to one Regdex. `target` is `host:port`; the prefix `grpcs://` selects TLS.

    `ca_file` is a PEM file of the authority to trust instead of the system's. Each call times out after
    `timeout_seconds`.
    """

    def __init__(
        self, target: str, *, api_key: str = "", ca_file: Path | None = None, timeout_seconds: float = TIMEOUT_SECONDS
    ) -> None:
        address = target.removeprefix(TLS_SCHEME).removeprefix("grpc://")
        options = [("grpc.max_receive_message_length", MAX_ANSWER_BYTES)]
        if target.startswith(TLS_SCHEME) or ca_file is not None:
            credentials = grpc.ssl_channel_credentials(ca_file.read_bytes() if ca_file else None)
            self._channel = grpc.aio.secure_channel(address, credentials, options=options)
        else:
            self._channel = grpc.aio.insecure_channel(address, options=options)
        self._metadata = (("authorization", f"Bearer {api_key}"),) if api_key else ()
        self._timeout_seconds = timeout_seconds

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the channel. Calls in progress raise Unavailable."""
        await self._channel.close()

    async def list_registries(self, **fields: Any) -> catalog.ListRegistriesResponse:
        return await self._call(catalog, "Catalog", "ListRegistries", fields, catalog.ListRegistriesResponse)

    async def get_registry(self, **fields: Any) -> catalog.Registry:
        return await self._call(catalog, "Catalog", "GetRegistry", fields, catalog.Registry)

    async def list_projects(self, **fields: Any) -> catalog.ListProjectsResponse:
        return await self._call(catalog, "Catalog", "ListProjects", fields, catalog.ListProjectsResponse)

    async def list_repositories(self, **fields: Any) -> catalog.ListRepositoriesResponse:
        return await self._call(catalog, "Catalog", "ListRepositories", fields, catalog.ListRepositoriesResponse)

    async def get_repository(self, **fields: Any) -> catalog.Repository:
        return await self._call(catalog, "Catalog", "GetRepository", fields, catalog.Repository)

    async def update_repository(self, **fields: Any) -> catalog.Repository:
        return await self._call(catalog, "Catalog", "UpdateRepository", fields, catalog.Repository)

    async def star_repository(self, **fields: Any) -> catalog.Stars:
        return await self._call(catalog, "Catalog", "StarRepository", fields, catalog.Stars)

    async def unstar_repository(self, **fields: Any) -> catalog.Stars:
        return await self._call(catalog, "Catalog", "UnstarRepository", fields, catalog.Stars)

    async def list_tags(self, **fields: Any) -> catalog.ListTagsResponse:
        return await self._call(catalog, "Catalog", "ListTags", fields, catalog.ListTagsResponse)

    async def get_tag(self, **fields: Any) -> catalog.Tag:
        return await self._call(catalog, "Catalog", "GetTag", fields, catalog.Tag)

    async def get_manifest(self, **fields: Any) -> catalog.Manifest:
        return await self._call(catalog, "Catalog", "GetManifest", fields, catalog.Manifest)

    async def list_referrers(self, **fields: Any) -> catalog.ListReferrersResponse:
        return await self._call(catalog, "Catalog", "ListReferrers", fields, catalog.ListReferrersResponse)

    async def resolve_reference(self, **fields: Any) -> catalog.ResolveReferenceResponse:
        return await self._call(catalog, "Catalog", "ResolveReference", fields, catalog.ResolveReferenceResponse)

    async def lookup_digest(self, **fields: Any) -> catalog.LookupDigestResponse:
        return await self._call(catalog, "Catalog", "LookupDigest", fields, catalog.LookupDigestResponse)

    async def list_tag_history(self, **fields: Any) -> history.ListTagHistoryResponse:
        return await self._call(history, "History", "ListTagHistory", fields, history.ListTagHistoryResponse)

    async def search_repositories(self, **fields: Any) -> search.SearchRepositoriesResponse:
        return await self._call(search, "Search", "SearchRepositories", fields, search.SearchRepositoriesResponse)

    async def suggest_repositories(self, **fields: Any) -> search.SuggestRepositoriesResponse:
        return await self._call(search, "Search", "SuggestRepositories", fields, search.SuggestRepositoriesResponse)

    async def get_downloads(self, **fields: Any) -> statistics.GetDownloadsResponse:
        return await self._call(statistics, "Statistics", "GetDownloads", fields, statistics.GetDownloadsResponse)

    async def list_top_repositories(self, **fields: Any) -> statistics.ListTopRepositoriesResponse:
        return await self._call(
            statistics, "Statistics", "ListTopRepositories", fields, statistics.ListTopRepositoriesResponse
        )

    async def start_backfill(self, **fields: Any) -> admin.Backfill:
        return await self._call(admin, "Admin", "StartBackfill", fields, admin.Backfill)

    async def get_backfill(self, **fields: Any) -> admin.Backfill:
        return await self._call(admin, "Admin", "GetBackfill", fields, admin.Backfill)

    async def list_dead_letters(self, **fields: Any) -> admin.ListDeadLettersResponse:
        return await self._call(admin, "Admin", "ListDeadLetters", fields, admin.ListDeadLettersResponse)

    async def replay_dead_letters(self, **fields: Any) -> admin.ReplayDeadLettersResponse:
        return await self._call(admin, "Admin", "ReplayDeadLetters", fields, admin.ReplayDeadLettersResponse)

    async def get_search_index(self, **fields: Any) -> admin.SearchIndex:
        return await self._call(admin, "Admin", "GetSearchIndex", fields, admin.SearchIndex)

    async def rebuild_search_index(self, **fields: Any) -> admin.SearchIndex:
        return await self._call(admin, "Admin", "RebuildSearchIndex", fields, admin.SearchIndex)

    async def _call(
        self, module: Any, service: str, method: str, fields: dict[str, Any], answer: type[Answer]
    ) -> Answer:
        request = make_request(getattr(module, f"{method}Request"), fields)
        call = self._channel.unary_unary(
            f"/regdex.v1.{service}Service/{method}",
            request_serializer=type(request).SerializeToString,
            response_deserializer=answer.FromString,
        )
        try:
            found: Answer = await call(request, timeout=self._timeout_seconds, metadata=self._metadata)
        except grpc.aio.AioRpcError as error:
            raise _error(error) from error
        return found


def make_request(kind: type[Message], fields: dict[str, Any]) -> Message:
    """Return a message with `fields`. Raise InvalidArgument for an unknown field or a value of the wrong type."""
    known = kind.DESCRIPTOR.fields_by_name
    values: dict[str, Any] = {}
    for name, value in fields.items():
        field = known.get(name)
        if field is None:
            raise errors.InvalidArgument(f"{name}: unknown field")
        if value is None:
            continue
        enum = field.enum_type
        if enum is None:
            values[name] = value
        elif isinstance(value, list | tuple):
            values[name] = [_number(name, enum, word) for word in value]
        else:
            values[name] = _number(name, enum, value)
    try:
        return kind(**values)
    except (TypeError, ValueError, AttributeError) as error:
        raise errors.InvalidArgument(f"invalid request: {error}") from error


def _number(name: str, enum: Any, word: str | int) -> int:
    """Return the number of an enum value, given as a lower-case word, as a full name or as a number."""
    if isinstance(word, int):
        return word
    prefix = enum.values[0].name.removesuffix("UNSPECIFIED")
    for candidate in (prefix + word.upper(), word):
        if candidate in enum.values_by_name:
            number: int = enum.values_by_name[candidate].number
            return number
    words = ", ".join(value.name.removeprefix(prefix).lower() for value in enum.values if value.number)
    raise errors.InvalidArgument(f"{name}: must be one of {words}")


def _error(error: grpc.aio.AioRpcError) -> errors.RegdexError:
    code = error.code().name
    if code == "DEADLINE_EXCEEDED":
        return errors.Unavailable("no answer within the time limit")
    if code == "CANCELLED":  # by a server that is stopping; a cancellation by this client raises CancelledError instead
        return errors.Unavailable("the server is stopping")
    details = error.details() or code
    if code == "UNAVAILABLE" and "connect" in details.lower():
        return errors.Unavailable("cannot connect to the server; is Regdex running there?")
    return _ERRORS.get(code, errors.RegdexError)(details)
