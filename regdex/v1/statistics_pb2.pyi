import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Interval(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    INTERVAL_UNSPECIFIED: _ClassVar[Interval]
    INTERVAL_HOUR: _ClassVar[Interval]
    INTERVAL_DAY: _ClassVar[Interval]
    INTERVAL_MONTH: _ClassVar[Interval]

class DownloadDimension(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DOWNLOAD_DIMENSION_UNSPECIFIED: _ClassVar[DownloadDimension]
    DOWNLOAD_DIMENSION_TAG: _ClassVar[DownloadDimension]
    DOWNLOAD_DIMENSION_PLATFORM: _ClassVar[DownloadDimension]
INTERVAL_UNSPECIFIED: Interval
INTERVAL_HOUR: Interval
INTERVAL_DAY: Interval
INTERVAL_MONTH: Interval
DOWNLOAD_DIMENSION_UNSPECIFIED: DownloadDimension
DOWNLOAD_DIMENSION_TAG: DownloadDimension
DOWNLOAD_DIMENSION_PLATFORM: DownloadDimension

class GetDownloadsRequest(_message.Message):
    __slots__ = ("registry", "repository", "tag", "digest", "to", "interval", "group_by")
    REGISTRY_FIELD_NUMBER: _ClassVar[int]
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    TAG_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    FROM_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_FIELD_NUMBER: _ClassVar[int]
    GROUP_BY_FIELD_NUMBER: _ClassVar[int]
    registry: str
    repository: str
    tag: str
    digest: str
    to: _timestamp_pb2.Timestamp
    interval: Interval
    group_by: _containers.RepeatedScalarFieldContainer[DownloadDimension]
    def __init__(self, registry: _Optional[str] = ..., repository: _Optional[str] = ..., tag: _Optional[str] = ..., digest: _Optional[str] = ..., to: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., interval: _Optional[_Union[Interval, str]] = ..., group_by: _Optional[_Iterable[_Union[DownloadDimension, str]]] = ..., **kwargs) -> None: ...

class DownloadBucket(_message.Message):
    __slots__ = ("start", "tag", "platform", "downloads", "version_checks", "requests")
    START_FIELD_NUMBER: _ClassVar[int]
    TAG_FIELD_NUMBER: _ClassVar[int]
    PLATFORM_FIELD_NUMBER: _ClassVar[int]
    DOWNLOADS_FIELD_NUMBER: _ClassVar[int]
    VERSION_CHECKS_FIELD_NUMBER: _ClassVar[int]
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    start: _timestamp_pb2.Timestamp
    tag: str
    platform: str
    downloads: int
    version_checks: int
    requests: int
    def __init__(self, start: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., tag: _Optional[str] = ..., platform: _Optional[str] = ..., downloads: _Optional[int] = ..., version_checks: _Optional[int] = ..., requests: _Optional[int] = ...) -> None: ...

class GetDownloadsResponse(_message.Message):
    __slots__ = ("buckets", "downloads", "version_checks", "requests", "rule", "indexed_through", "complete")
    BUCKETS_FIELD_NUMBER: _ClassVar[int]
    DOWNLOADS_FIELD_NUMBER: _ClassVar[int]
    VERSION_CHECKS_FIELD_NUMBER: _ClassVar[int]
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    INDEXED_THROUGH_FIELD_NUMBER: _ClassVar[int]
    COMPLETE_FIELD_NUMBER: _ClassVar[int]
    buckets: _containers.RepeatedCompositeFieldContainer[DownloadBucket]
    downloads: int
    version_checks: int
    requests: int
    rule: int
    indexed_through: _timestamp_pb2.Timestamp
    complete: bool
    def __init__(self, buckets: _Optional[_Iterable[_Union[DownloadBucket, _Mapping]]] = ..., downloads: _Optional[int] = ..., version_checks: _Optional[int] = ..., requests: _Optional[int] = ..., rule: _Optional[int] = ..., indexed_through: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., complete: bool = ...) -> None: ...

class ListTopRepositoriesRequest(_message.Message):
    __slots__ = ("registry", "project", "window", "limit")
    REGISTRY_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    WINDOW_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    registry: str
    project: str
    window: str
    limit: int
    def __init__(self, registry: _Optional[str] = ..., project: _Optional[str] = ..., window: _Optional[str] = ..., limit: _Optional[int] = ...) -> None: ...

class TopRepository(_message.Message):
    __slots__ = ("registry", "repository", "downloads", "version_checks", "requests")
    REGISTRY_FIELD_NUMBER: _ClassVar[int]
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    DOWNLOADS_FIELD_NUMBER: _ClassVar[int]
    VERSION_CHECKS_FIELD_NUMBER: _ClassVar[int]
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    registry: str
    repository: str
    downloads: int
    version_checks: int
    requests: int
    def __init__(self, registry: _Optional[str] = ..., repository: _Optional[str] = ..., downloads: _Optional[int] = ..., version_checks: _Optional[int] = ..., requests: _Optional[int] = ...) -> None: ...

class ListTopRepositoriesResponse(_message.Message):
    __slots__ = ("repositories", "rule", "indexed_through", "complete")
    REPOSITORIES_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    INDEXED_THROUGH_FIELD_NUMBER: _ClassVar[int]
    COMPLETE_FIELD_NUMBER: _ClassVar[int]
    repositories: _containers.RepeatedCompositeFieldContainer[TopRepository]
    rule: int
    indexed_through: _timestamp_pb2.Timestamp
    complete: bool
    def __init__(self, repositories: _Optional[_Iterable[_Union[TopRepository, _Mapping]]] = ..., rule: _Optional[int] = ..., indexed_through: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., complete: bool = ...) -> None: ...
