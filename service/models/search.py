"""Messages of protos/regdex/v1/search.proto: search and suggestions."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from service.models.message import (
    MAY_HAVE_COMMAS,
    Int32,
    Int64,
    Message,
    PageToken,
    ProjectFilter,
    RegistryFilter,
    Request,
    Text,
    Time,
)

SearchOrder: TypeAlias = Literal["relevance", "name", "pushed", "pulled", "downloads", "size", "stars"]
SuggestionKind: TypeAlias = Literal["repository", "project", "tag"]
Glob: TypeAlias = Annotated[Text, Field(min_length=1, max_length=128)]
Globs: TypeAlias = Annotated[list[Glob], MAY_HAVE_COMMAS]
MAX_GLOBS = 20
Count: TypeAlias = Annotated[int, Field(ge=0, le=2**63 - 2)]


class SearchRepositoriesRequest(Request):
    q: Annotated[str, Field(max_length=512)] = ""
    registry: RegistryFilter = ""
    project: ProjectFilter | None = None
    page_size: Annotated[int, Field(ge=1, le=100)] | None = None
    page_token: PageToken = ""
    tag: Globs = Field(default=[], max_length=MAX_GLOBS)
    label: Globs = Field(default=[], max_length=MAX_GLOBS)
    platform: Globs = Field(default=[], max_length=MAX_GLOBS)
    media_type: Globs = Field(default=[], max_length=MAX_GLOBS)
    pushed_after: Time | None = None
    pushed_before: Time | None = None
    pulled_after: Time | None = None
    pulled_before: Time | None = None
    min_downloads: Count | None = None
    max_downloads: Count | None = None
    min_size_bytes: Count | None = None
    max_size_bytes: Count | None = None
    min_stars: Count | None = None
    max_stars: Count | None = None
    signed: bool | None = None
    order_by: SearchOrder = "relevance"
    facets: list[Text] = Field(default=[], max_length=16)


class HighlightPiece(Message):
    text: str
    matched: bool


class Highlight(Message):
    field: str
    pieces: list[HighlightPiece]


class FacetValue(Message):
    value: str
    count: Int64


class Facet(Message):
    field: str
    values: list[FacetValue]


class SearchHit(Message):
    registry: str
    repository: str
    project: str
    description: str
    tags: list[str]
    platforms: list[str]
    tag_count: Int64
    downloads_30d: Int64
    pushed_at: Time | None
    pulled_at: Time | None
    title: str
    size_bytes: Int64
    stars: Int64
    signed: bool
    official: bool
    labels: list[str]
    highlights: list[Highlight]
    matched_tags: list[str]
    matched_digest: str
    pushed_before: Time | None


class SearchRepositoriesResponse(Message):
    hits: list[SearchHit]
    next_page_token: str
    total: Int64
    degraded: bool
    source: str
    index_lag_seconds: float
    indexed_through: Time | None
    complete: bool
    facets: list[Facet]
    did_you_mean: str


class SuggestRepositoriesRequest(Request):
    q: Annotated[str, Field(max_length=128)] = ""
    registry: RegistryFilter = ""
    limit: Annotated[Int32, Field(ge=1, le=20)] | None = None


class Suggestion(Message):
    kind: SuggestionKind
    text: str
    registry: str
    repository: str
    project: str
    tag: str


class SuggestRepositoriesResponse(Message):
    suggestions: list[Suggestion]
    degraded: bool
