"""protos/regdex/v1/catalog.proto: what the registries hold, and how it is asked for."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from regdex.digest import MAX_PASTED
from service.models.admin import Backfill
from service.models.content import Descriptor, Layer, Platform
from service.models.message import (
    DigestText,
    Int64,
    Message,
    PageSize,
    PageToken,
    ProjectFilter,
    RegistryFilter,
    RegistryName,
    RepositoryName,
    Request,
    TagName,
    Text,
    Time,
)

TagOrder: TypeAlias = Literal["name", "pushed_at", "version"]
ManifestState: TypeAlias = Literal["pending", "complete", "incomplete", "unsupported", "rejected"]
DigestKind: TypeAlias = Literal["manifest", "index", "config", "layer", "diff_id", "chain_id"]


class UnreadRepository(Message):
    repository: str
    reason: str


class ContentProblem(Message):
    problem: str
    manifest_count: Int64


class Verification(Message):
    sampled: Int64
    differed: Int64
    at: Time


class Registry(Message):
    name: str
    kind: str
    url: str
    hosts: list[str]
    paused: bool
    repository_count: Int64
    tag_count: Int64
    manifest_count: Int64
    events_through: Time | None
    reconciled_at: Time | None
    gap_at: Time | None
    complete: bool
    last_read: Backfill | None
    unread: list[UnreadRepository]
    unread_count: Int64
    limited_until: Time | None
    read: str
    content_problems: list[ContentProblem]
    verified: Verification | None
    skew_seconds: float


class ListRegistriesRequest(Request):
    page_size: PageSize | None = None
    page_token: PageToken = ""


class ListRegistriesResponse(Message):
    registries: list[Registry]
    next_page_token: str


class GetRegistryRequest(Request):
    registry: RegistryName


class Project(Message):
    registry: str
    project: str
    repository_count: Int64
    tag_count: Int64
    size_bytes: Int64
    downloads_30d: Int64


class ListProjectsRequest(Request):
    registry: RegistryFilter = ""
    page_size: PageSize | None = None
    page_token: PageToken = ""


class ListProjectsResponse(Message):
    projects: list[Project]
    next_page_token: str


class Repository(Message):
    registry: str
    repository: str
    project: str
    description: str
    tag_count: Int64
    manifest_count: Int64
    size_bytes: Int64
    downloads_30d: Int64
    first_seen_at: Time
    pushed_at: Time | None
    pulled_at: Time | None
    platforms: list[str]
    stars: Int64
    title: str
    source_url: str
    url: str
    documentation_url: str
    licenses: str
    vendor: str
    description_overridden: bool
    official: bool
    artifact_tag_count: Int64
    pushed_before: Time | None


class ListRepositoriesRequest(Request):
    registry: RegistryFilter = ""
    project: ProjectFilter | None = None
    match: Text = ""
    page_size: PageSize | None = None
    page_token: PageToken = ""


class ListRepositoriesResponse(Message):
    repositories: list[Repository]
    next_page_token: str


class GetRepositoryRequest(Request):
    registry: RegistryName
    repository: RepositoryName


class UpdateRepositoryRequest(Request):
    registry: RegistryName
    repository: RepositoryName
    description: Annotated[str, Field(max_length=4000)] | None = None


class StarRepositoryRequest(Request):
    registry: RegistryName
    repository: RepositoryName
    user: Annotated[Text, Field(max_length=128)] = ""


class UnstarRepositoryRequest(Request):
    registry: RegistryName
    repository: RepositoryName
    user: Annotated[Text, Field(max_length=128)] = ""


class Stars(Message):
    stars: Int64
    starred: bool


class Tag(Message):
    registry: str
    repository: str
    tag: str
    digest: str
    media_type: str
    artifact_type: str
    total_size_bytes: Int64
    platforms: list[str]
    created_at: Time | None
    pushed_at: Time | None
    exact: bool
    not_before: Time | None
    actor: str
    indexed: bool
    first_seen_at: Time


class ListTagsRequest(Request):
    registry: RegistryName
    repository: RepositoryName
    match: Text = ""
    as_of: Time | None = None
    order_by: TagOrder = "name"
    page_size: PageSize | None = None
    page_token: PageToken = ""
    include_artifacts: bool = False


class ListTagsResponse(Message):
    tags: list[Tag]
    next_page_token: str
    indexed_through: Time | None
    complete: bool


class GetTagRequest(Request):
    registry: RegistryName
    repository: RepositoryName
    tag: TagName
    as_of: Time | None = None


class BuildStep(Message):
    created_at: Time | None
    created_by: str
    comment: str
    empty_layer: bool


class Manifest(Message):
    registry: str
    repository: str
    digest: str
    media_type: str
    artifact_type: str
    size_bytes: Int64
    total_size_bytes: Int64
    config: Descriptor | None
    platform: Platform | None
    created_at: Time | None
    labels: dict[str, str]
    annotations: dict[str, str]
    subject: str
    layers: list[Layer]
    manifests: list[Descriptor]
    history: list[BuildStep]
    tags: list[str]
    state: ManifestState
    problem: str
    truncated: bool
    present: bool
    first_seen_at: Time
    last_seen_at: Time


class GetManifestRequest(Request):
    registry: RegistryName
    repository: RepositoryName
    digest: DigestText


class ListReferrersRequest(Request):
    registry: RegistryName
    repository: RepositoryName
    digest: DigestText
    artifact_type: Text = ""
    page_size: PageSize | None = None
    page_token: PageToken = ""


class ListReferrersResponse(Message):
    referrers: list[Descriptor]
    next_page_token: str


class ResolveReferenceRequest(Request):
    reference: Text
    as_of: Time | None = None
    platform: Text = ""


class ResolveReferenceResponse(Message):
    registry: str
    repository: str
    tag: str
    digest: str
    media_type: str
    platform_digest: str
    pushed_at: Time | None
    exact: bool
    not_before: Time | None
    pinned: str
    indexed_through: Time | None
    complete: bool
    first_seen_at: Time | None


class DigestMatch(Message):
    digest: str
    kind: DigestKind
    registry: str
    repository: str
    manifest_digest: str
    media_type: str
    tags: list[str]
    platform: str
    present: bool
    first_seen_at: Time
    last_seen_at: Time


class LookupDigestRequest(Request):
    digest: Annotated[str, Field(min_length=1, max_length=MAX_PASTED)]
    page_size: PageSize | None = None
    page_token: PageToken = ""


class LookupDigestResponse(Message):
    matches: list[DigestMatch]
    next_page_token: str
