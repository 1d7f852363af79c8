"""protos/regdex/v1/search.proto: what is searched for, and what is found."""

from typing import Annotated

from pydantic import Field

from regdex.models.message import Int64, Message, PageToken, ProjectFilter, RegistryFilter, Request, Time


class SearchRepositoriesRequest(Request):
    # Any character: what is not part of a word separates words.
    q: Annotated[str, Field(max_length=512)] = ""
    registry: RegistryFilter = ""
    project: ProjectFilter | None = None
    page_size: Annotated[int, Field(ge=1, le=100)] | None = None
    page_token: PageToken = ""


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


class SearchRepositoriesResponse(Message):
    hits: list[SearchHit]
    next_page_token: str
    total: Int64
    degraded: bool
    source: str
    index_lag_seconds: float
    indexed_through: Time | None
    complete: bool
