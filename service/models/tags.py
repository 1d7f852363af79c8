"""Messages of protos/regdex/v1/catalog.proto: tags, and the references that name them."""

from typing import Literal, TypeAlias

from service.models.message import (
    Int64,
    Message,
    PageSize,
    PageToken,
    RepositoryRequest,
    Request,
    TagName,
    Text,
    Time,
)

TagOrder: TypeAlias = Literal["name", "pushed_at", "version"]


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


class ListTagsRequest(RepositoryRequest):
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


class GetTagRequest(RepositoryRequest):
    tag: TagName
    as_of: Time | None = None


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
