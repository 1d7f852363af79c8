"""Messages of protos/regdex/v1/statistics.proto: downloads over time and top repositories."""

from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, Field

from service.models.message import (
    DigestFilter,
    Int32,
    Int64,
    Message,
    ProjectFilter,
    RegistryFilter,
    RepositoryFilter,
    Request,
    TagFilter,
    Time,
)

MAX_WINDOW_DAYS = 365


def _is_window(value: str) -> str:
    days = value.removesuffix("d")
    if days == value or not days.isdecimal() or not days.isascii() or days.startswith("0") or len(days) > 3:
        raise ValueError("must be a number of days, such as 30d")
    if int(days) > MAX_WINDOW_DAYS:
        raise ValueError(f"must be between 1d and {MAX_WINDOW_DAYS}d")
    return value


Interval: TypeAlias = Literal["hour", "day", "month"]
DownloadDimension: TypeAlias = Literal["tag", "platform"]
Window: TypeAlias = Annotated[str, AfterValidator(_is_window)]


class GetDownloadsRequest(Request):
    registry: RegistryFilter = ""
    repository: RepositoryFilter = ""
    tag: TagFilter = ""
    digest: DigestFilter = ""
    from_: Time | None = Field(default=None, alias="from")
    to: Time | None = None
    interval: Interval | None = None
    group_by: list[DownloadDimension] = Field(default=[], max_length=8)


class DownloadBucket(Message):
    start: Time
    tag: str
    platform: str
    downloads: Int64
    version_checks: Int64
    requests: Int64


class GetDownloadsResponse(Message):
    buckets: list[DownloadBucket]
    downloads: Int64
    version_checks: Int64
    requests: Int64
    rule: Int32
    indexed_through: Time | None
    complete: bool


class ListTopRepositoriesRequest(Request):
    registry: RegistryFilter = ""
    project: ProjectFilter | None = None
    window: Window = "30d"
    limit: Annotated[int, Field(ge=1, le=1000)] | None = None


class TopRepository(Message):
    registry: str
    repository: str
    downloads: Int64
    version_checks: Int64
    requests: Int64


class ListTopRepositoriesResponse(Message):
    repositories: list[TopRepository]
    rule: Int32
    indexed_through: Time | None
    complete: bool
