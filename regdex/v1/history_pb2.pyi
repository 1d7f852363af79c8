import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class TagChange(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TAG_CHANGE_UNSPECIFIED: _ClassVar[TagChange]
    TAG_CHANGE_CREATED: _ClassVar[TagChange]
    TAG_CHANGE_MOVED: _ClassVar[TagChange]
    TAG_CHANGE_DELETED: _ClassVar[TagChange]

class Source(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SOURCE_UNSPECIFIED: _ClassVar[Source]
    SOURCE_EVENT: _ClassVar[Source]
    SOURCE_SCAN: _ClassVar[Source]
TAG_CHANGE_UNSPECIFIED: TagChange
TAG_CHANGE_CREATED: TagChange
TAG_CHANGE_MOVED: TagChange
TAG_CHANGE_DELETED: TagChange
SOURCE_UNSPECIFIED: Source
SOURCE_EVENT: Source
SOURCE_SCAN: Source

class TagHistoryEntry(_message.Message):
    __slots__ = ("change", "digest", "previous_digest", "at", "exact", "not_before", "actor", "source")
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_DIGEST_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    EXACT_FIELD_NUMBER: _ClassVar[int]
    NOT_BEFORE_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    change: TagChange
    digest: str
    previous_digest: str
    at: _timestamp_pb2.Timestamp
    exact: bool
    not_before: _timestamp_pb2.Timestamp
    actor: str
    source: Source
    def __init__(self, change: _Optional[_Union[TagChange, str]] = ..., digest: _Optional[str] = ..., previous_digest: _Optional[str] = ..., at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., exact: bool = ..., not_before: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., actor: _Optional[str] = ..., source: _Optional[_Union[Source, str]] = ...) -> None: ...

class ListTagHistoryRequest(_message.Message):
    __slots__ = ("registry", "repository", "tag", "since", "until", "page_size", "page_token")
    REGISTRY_FIELD_NUMBER: _ClassVar[int]
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    TAG_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    registry: str
    repository: str
    tag: str
    since: _timestamp_pb2.Timestamp
    until: _timestamp_pb2.Timestamp
    page_size: int
    page_token: str
    def __init__(self, registry: _Optional[str] = ..., repository: _Optional[str] = ..., tag: _Optional[str] = ..., since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListTagHistoryResponse(_message.Message):
    __slots__ = ("entries", "next_page_token", "indexed_through", "complete")
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    INDEXED_THROUGH_FIELD_NUMBER: _ClassVar[int]
    COMPLETE_FIELD_NUMBER: _ClassVar[int]
    entries: _containers.RepeatedCompositeFieldContainer[TagHistoryEntry]
    next_page_token: str
    indexed_through: _timestamp_pb2.Timestamp
    complete: bool
    def __init__(self, entries: _Optional[_Iterable[_Union[TagHistoryEntry, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., indexed_through: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., complete: bool = ...) -> None: ...
