"""Messages of protos/regdex/v1/catalog.proto: registries, projects and repositories."""

from typing import Annotated

from pydantic import Field

from service.models.admin import Backfill
from service.models.message import (
    Int64,
    Message,
    PageSize,
    PageToken,
    ProjectFilter,
    RegistryFilter,
    RegistryName,
    RepositoryRequest,
    Request,
    Text,
    Time,
)


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


class GetRepositoryRequest(RepositoryRequest):
    pass


class UpdateRepositoryRequest(RepositoryRequest):
    description: Annotated[str, Field(max_length=4000)] | None = None


class StarRepositoryRequest(RepositoryRequest):
    user: Annotated[Text, Field(max_length=128)] = ""


class UnstarRepositoryRequest(StarRepositoryRequest):
    pass


class Stars(Message):
    stars: Int64
    starred: bool
