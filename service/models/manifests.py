"""Messages of protos/regdex/v1/catalog.proto: manifests, their referrers, and digests."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from regdex.digest import MAX_PASTED
from service.models.content import Descriptor, Layer, Platform
from service.models.message import (
    DigestText,
    Int64,
    Message,
    PageSize,
    PageToken,
    RepositoryRequest,
    Request,
    Text,
    Time,
)

ManifestState: TypeAlias = Literal["pending", "complete", "incomplete", "unsupported", "rejected"]
DigestKind: TypeAlias = Literal["manifest", "index", "config", "layer", "diff_id", "chain_id"]


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


class GetManifestRequest(RepositoryRequest):
    digest: DigestText


class ListReferrersRequest(RepositoryRequest):
    digest: DigestText
    artifact_type: Text = ""
    page_size: PageSize | None = None
    page_token: PageToken = ""


class ListReferrersResponse(Message):
    referrers: list[Descriptor]
    next_page_token: str


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
