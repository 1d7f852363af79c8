"""Messages of protos/regdex/v1/admin.proto: backfills, dead letters and the search index."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from service.models.message import (
    Int32,
    Int64,
    Message,
    PageSize,
    PageToken,
    RegistryFilter,
    RegistryName,
    Request,
    Time,
)

BackfillState: TypeAlias = Literal["waiting", "running", "complete", "partial", "failed"]


class Backfill(Message):
    id: Int64
    registry: str
    state: BackfillState
    requested_at: Time
    started_at: Time | None
    finished_at: Time | None
    repository_total: Int64
    repository_count: Int64
    tag_count: Int64
    manifest_count: Int64
    request_count: Int64
    error_count: Int64
    swept_count: Int64
    message: str
    force: bool


class StartBackfillRequest(Request):
    registry: RegistryName
    force: bool = False


class GetBackfillRequest(Request):
    id: Annotated[Int64, Field(ge=1)]


class DeadLetter(Message):
    id: Int64
    registry: str
    received_at: Time
    reason: str
    body_bytes: Int64
    attempts: Int32


class ListDeadLettersRequest(Request):
    registry: RegistryFilter = ""
    page_size: PageSize | None = None
    page_token: PageToken = ""


class ListDeadLettersResponse(Message):
    dead_letters: list[DeadLetter]
    next_page_token: str


class ReplayDeadLettersRequest(Request):
    registry: RegistryFilter = ""
    ids: list[Int64] = Field(default_factory=list, max_length=1000)


class ReplayDeadLettersResponse(Message):
    replayed_count: Int64


class GetSearchIndexRequest(Request):
    pass


class RebuildSearchIndexRequest(Request):
    pass


class SearchIndex(Message):
    index_id: str
    rebuilding: bool
    rebuild_requested_at: Time | None
    rebuilt_documents: Int64
    total_documents: Int64
    waiting: Int64
    index_lag_seconds: float
