"""Requests and responses of the doors. `within` is the registry whose host the request names; empty means all.

Sources: Docker Registry HTTP API v1, "Search"; OCI distribution specification, "Content discovery".
"""

from collections.abc import Callable
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, Field

from regdex.digest import Digest, is_digest
from regdex.errors import InvalidArgument
from regdex.reference import check_tag
from service.models.message import Int64, Message, RegistryFilter, Request, Text


def _is_reference(value: str) -> str:
    return value if is_digest(value) else _passes(check_tag, value)


def _is_digest(value: str) -> str:
    return _passes(Digest.parse, value)


def _passes(check: Callable[[str], object], value: str) -> str:
    """Return `value` if `check` accepts it. Raise ValueError otherwise, to which pydantic adds the field's name."""
    try:
        check(value)
    except InvalidArgument as error:
        raise ValueError(str(error)) from None
    return value


Name: TypeAlias = Annotated[Text, Field(max_length=319)]  # a registry of 63, a slash, a repository of 255
Size: TypeAlias = Annotated[int, Field(ge=0)]


class PingRequest(Request):
    within: RegistryFilter = ""


class Pong(Message):
    """An empty response; only its status matters."""


class SearchImagesRequest(Request):
    """`n` is the page size: 25 when 0 or absent, at most 100. `page` starts at 1."""

    within: RegistryFilter = ""
    q: Annotated[str, Field(max_length=512)] = ""
    n: Size = 0
    page: Annotated[int, Field(ge=1)] = 1


class FoundImage(Message):
    name: str
    description: str
    star_count: Int64
    is_official: bool
    is_automated: bool
    is_trusted: bool


class SearchImagesResponse(Message):
    num_results: Int64
    query: str
    num_pages: Int64
    page: Int64
    page_size: Int64
    results: list[FoundImage]


class ListCatalogRequest(Request):
    """Requests up to `n` names after `last`."""

    within: RegistryFilter = ""
    n: Size | None = None
    last: Text = ""


class ListCatalogResponse(Message):
    """`has_more` is true when more names follow the last of these."""

    repositories: list[str]
    has_more: bool


class ListImageTagsRequest(ListCatalogRequest):
    name: Name


class ListImageTagsResponse(Message):
    name: str
    tags: list[str]
    has_more: bool


class LocateManifestRequest(Request):
    within: RegistryFilter = ""
    name: Name
    reference: Annotated[str, AfterValidator(_is_reference)]


class LocateBlobRequest(Request):
    within: RegistryFilter = ""
    name: Name
    digest: Annotated[str, AfterValidator(_is_digest)]


class Location(Message):
    url: str
