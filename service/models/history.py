"""Messages of protos/regdex/v1/history.proto: changes of a tag over time."""

from typing import Literal, TypeAlias

from service.models.message import Message, PageSize, PageToken, RepositoryRequest, TagName, Time

TagChange: TypeAlias = Literal["created", "moved", "deleted"]
Source: TypeAlias = Literal["event", "scan"]


class TagHistoryEntry(Message):
    change: TagChange
    digest: str
    previous_digest: str
    at: Time
    exact: bool
    not_before: Time | None
    actor: str
    source: Source


class ListTagHistoryRequest(RepositoryRequest):
    tag: TagName
    since: Time | None = None
    until: Time | None = None
    page_size: PageSize | None = None
    page_token: PageToken = ""


class ListTagHistoryResponse(Message):
    entries: list[TagHistoryEntry]
    next_page_token: str
    indexed_through: Time | None
    complete: bool
