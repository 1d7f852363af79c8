import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class BackfillState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    BACKFILL_STATE_UNSPECIFIED: _ClassVar[BackfillState]
    BACKFILL_STATE_WAITING: _ClassVar[BackfillState]
    BACKFILL_STATE_RUNNING: _ClassVar[BackfillState]
    BACKFILL_STATE_COMPLETE: _ClassVar[BackfillState]
    BACKFILL_STATE_PARTIAL: _ClassVar[BackfillState]
    BACKFILL_STATE_FAILED: _ClassVar[BackfillState]
BACKFILL_STATE_UNSPECIFIED: BackfillState
BACKFILL_STATE_WAITING: BackfillState
BACKFILL_STATE_RUNNING: BackfillState
BACKFILL_STATE_COMPLETE: BackfillState
BACKFILL_STATE_PARTIAL: BackfillState
BACKFILL_STATE_FAILED: BackfillState

class Backfill(_message.Message):
    __slots__ = ("id", "registry", "state", "requested_at", "started_at", "finished_at", "repository_total", "repository_count", "tag_count", "manifest_count", "request_count", "error_count", "swept_count", "message", "force")
    ID_FIELD_NUMBER: _ClassVar[int]
    REGISTRY_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    REQUESTED_AT_FIELD_NUMBER: _ClassVar[int]
    STARTED_AT_FIELD_NUMBER: _ClassVar[int]
    FINISHED_AT_FIELD_NUMBER: _ClassVar[int]
    REPOSITORY_TOTAL_FIELD_NUMBER: _ClassVar[int]
    REPOSITORY_COUNT_FIELD_NUMBER: _ClassVar[int]
    TAG_COUNT_FIELD_NUMBER: _ClassVar[int]
    MANIFEST_COUNT_FIELD_NUMBER: _ClassVar[int]
    REQUEST_COUNT_FIELD_NUMBER: _ClassVar[int]
    ERROR_COUNT_FIELD_NUMBER: _ClassVar[int]
    SWEPT_COUNT_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    FORCE_FIELD_NUMBER: _ClassVar[int]
    id: int
    registry: str
    state: BackfillState
    requested_at: _timestamp_pb2.Timestamp
    started_at: _timestamp_pb2.Timestamp
    finished_at: _timestamp_pb2.Timestamp
    repository_total: int
    repository_count: int
    tag_count: int
    manifest_count: int
    request_count: int
    error_count: int
    swept_count: int
    message: str
    force: bool
    def __init__(self, id: _Optional[int] = ..., registry: _Optional[str] = ..., state: _Optional[_Union[BackfillState, str]] = ..., requested_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., started_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., finished_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., repository_total: _Optional[int] = ..., repository_count: _Optional[int] = ..., tag_count: _Optional[int] = ..., manifest_count: _Optional[int] = ..., request_count: _Optional[int] = ..., error_count: _Optional[int] = ..., swept_count: _Optional[int] = ..., message: _Optional[str] = ..., force: bool = ...) -> None: ...

class StartBackfillRequest(_message.Message):
    __slots__ = ("registry", "force")
    REGISTRY_FIELD_NUMBER: _ClassVar[int]
    FORCE_FIELD_NUMBER: _ClassVar[int]
    registry: str
    force: bool
    def __init__(self, registry: _Optional[str] = ..., force: bool = ...) -> None: ...

class GetBackfillRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: int
    def __init__(self, id: _Optional[int] = ...) -> None: ...

class DeadLetter(_message.Message):
    __slots__ = ("id", "registry", "received_at", "reason", "body_bytes", "attempts")
    ID_FIELD_NUMBER: _ClassVar[int]
    REGISTRY_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_AT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    BODY_BYTES_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    id: int
    registry: str
    received_at: _timestamp_pb2.Timestamp
    reason: str
    body_bytes: int
    attempts: int
    def __init__(self, id: _Optional[int] = ..., registry: _Optional[str] = ..., received_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., reason: _Optional[str] = ..., body_bytes: _Optional[int] = ..., attempts: _Optional[int] = ...) -> None: ...

class ListDeadLettersRequest(_message.Message):
    __slots__ = ("registry", "page_size", "page_token")
    REGISTRY_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    registry: str
    page_size: int
    page_token: str
    def __init__(self, registry: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListDeadLettersResponse(_message.Message):
    __slots__ = ("dead_letters", "next_page_token")
    DEAD_LETTERS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    dead_letters: _containers.RepeatedCompositeFieldContainer[DeadLetter]
    next_page_token: str
    def __init__(self, dead_letters: _Optional[_Iterable[_Union[DeadLetter, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ReplayDeadLettersRequest(_message.Message):
    __slots__ = ("registry", "ids")
    REGISTRY_FIELD_NUMBER: _ClassVar[int]
    IDS_FIELD_NUMBER: _ClassVar[int]
    registry: str
    ids: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, registry: _Optional[str] = ..., ids: _Optional[_Iterable[int]] = ...) -> None: ...

class ReplayDeadLettersResponse(_message.Message):
    __slots__ = ("replayed_count",)
    REPLAYED_COUNT_FIELD_NUMBER: _ClassVar[int]
    replayed_count: int
    def __init__(self, replayed_count: _Optional[int] = ...) -> None: ...

class GetSearchIndexRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class RebuildSearchIndexRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class SearchIndex(_message.Message):
    __slots__ = ("index_id", "rebuilding", "rebuild_requested_at", "rebuilt_documents", "total_documents", "waiting", "index_lag_seconds")
    INDEX_ID_FIELD_NUMBER: _ClassVar[int]
    REBUILDING_FIELD_NUMBER: _ClassVar[int]
    REBUILD_REQUESTED_AT_FIELD_NUMBER: _ClassVar[int]
    REBUILT_DOCUMENTS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_DOCUMENTS_FIELD_NUMBER: _ClassVar[int]
    WAITING_FIELD_NUMBER: _ClassVar[int]
    INDEX_LAG_SECONDS_FIELD_NUMBER: _ClassVar[int]
    index_id: str
    rebuilding: bool
    rebuild_requested_at: _timestamp_pb2.Timestamp
    rebuilt_documents: int
    total_documents: int
    waiting: int
    index_lag_seconds: float
    def __init__(self, index_id: _Optional[str] = ..., rebuilding: bool = ..., rebuild_requested_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., rebuilt_documents: _Optional[int] = ..., total_documents: _Optional[int] = ..., waiting: _Optional[int] = ..., index_lag_seconds: _Optional[float] = ...) -> None: ...
