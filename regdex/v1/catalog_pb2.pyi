import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from regdex.v1 import admin_pb2 as _admin_pb2
from regdex.v1 import content_pb2 as _content_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class TagOrder(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TAG_ORDER_UNSPECIFIED: _ClassVar[TagOrder]
    TAG_ORDER_NAME: _ClassVar[TagOrder]
    TAG_ORDER_PUSHED_AT: _ClassVar[TagOrder]
    TAG_ORDER_VERSION: _ClassVar[TagOrder]

class ManifestState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MANIFEST_STATE_UNSPECIFIED: _ClassVar[ManifestState]
    MANIFEST_STATE_PENDING: _ClassVar[ManifestState]
    MANIFEST_STATE_COMPLETE: _ClassVar[ManifestState]
    MANIFEST_STATE_INCOMPLETE: _ClassVar[ManifestState]
    MANIFEST_STATE_UNSUPPORTED: _ClassVar[ManifestState]
    MANIFEST_STATE_REJECTED: _ClassVar[ManifestState]

class DigestKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DIGEST_KIND_UNSPECIFIED: _ClassVar[DigestKind]
    DIGEST_KIND_MANIFEST: _ClassVar[DigestKind]
    DIGEST_KIND_INDEX: _ClassVar[DigestKind]
    DIGEST_KIND_CONFIG: _ClassVar[DigestKind]
    DIGEST_KIND_LAYER: _ClassVar[DigestKind]
    DIGEST_KIND_DIFF_ID: _ClassVar[DigestKind]
    DIGEST_KIND_CHAIN_ID: _ClassVar[DigestKind]
TAG_ORDER_UNSPECIFIED: TagOrder
TAG_ORDER_NAME: TagOrder
TAG_ORDER_PUSHED_AT: TagOrder
TAG_ORDER_VERSION: TagOrder
MANIFEST_STATE_UNSPECIFIED: ManifestState
MANIFEST_STATE_PENDING: ManifestState
MANIFEST_STATE_COMPLETE: ManifestState
MANIFEST_STATE_INCOMPLETE: ManifestState
MANIFEST_STATE_UNSUPPORTED: ManifestState
MANIFEST_STATE_REJECTED: ManifestState
DIGEST_KIND_UNSPECIFIED: DigestKind
DIGEST_KIND_MANIFEST: DigestKind
DIGEST_KIND_INDEX: DigestKind
DIGEST_KIND_CONFIG: DigestKind
DIGEST_KIND_LAYER: DigestKind
DIGEST_KIND_DIFF_ID: DigestKind
DIGEST_KIND_CHAIN_ID: DigestKind

class Registry(_message.Message):
    __slots__ = ("name", "kind", "url", "hosts", "paused", "repository_count", "tag_count", "manifest_count", "events_through", "reconciled_at", "gap_at", "complete", "last_read", "unread", "unread_count", "limited_until", "read", "content_problems", "verified", "skew_seconds")
    NAME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    URL_FIELD_NUMBER: _ClassVar[int]
    HOSTS_FIELD_NUMBER: _ClassVar[int]
    PAUSED_FIELD_NUMBER: _ClassVar[int]
    REPOSITORY_COUNT_FIELD_NUMBER: _ClassVar[int]
    TAG_COUNT_FIELD_NUMBER: _ClassVar[int]
    MANIFEST_COUNT_FIELD_NUMBER: _ClassVar[int]
    EVENTS_THROUGH_FIELD_NUMBER: _ClassVar[int]
    RECONCILED_AT_FIELD_NUMBER: _ClassVar[int]
    GAP_AT_FIELD_NUMBER: _ClassVar[int]
    COMPLETE_FIELD_NUMBER: _ClassVar[int]
    LAST_READ_FIELD_NUMBER: _ClassVar[int]
    UNREAD_FIELD_NUMBER: _ClassVar[int]
    UNREAD_COUNT_FIELD_NUMBER: _ClassVar[int]
    LIMITED_UNTIL_FIELD_NUMBER: _ClassVar[int]
    READ_FIELD_NUMBER: _ClassVar[int]
    CONTENT_PROBLEMS_FIELD_NUMBER: _ClassVar[int]
    VERIFIED_FIELD_NUMBER: _ClassVar[int]
    SKEW_SECONDS_FIELD_NUMBER: _ClassVar[int]
    name: str
    kind: str
    url: str
    hosts: _containers.RepeatedScalarFieldContainer[str]
    paused: bool
    repository_count: int
    tag_count: int
    manifest_count: int
    events_through: _timestamp_pb2.Timestamp
    reconciled_at: _timestamp_pb2.Timestamp
    gap_at: _timestamp_pb2.Timestamp
    complete: bool
    last_read: _admin_pb2.Backfill
    unread: _containers.RepeatedCompositeFieldContainer[UnreadRepository]
    unread_count: int
    limited_until: _timestamp_pb2.Timestamp
    read: str
    content_problems: _containers.RepeatedCompositeFieldContainer[ContentProblem]
    verified: Verification
    skew_seconds: float
    def __init__(self, name: _Optional[str] = ..., kind: _Optional[str] = ..., url: _Optional[str] = ..., hosts: _Optional[_Iterable[str]] = ..., paused: bool = ..., repository_count: _Optional[int] = ..., tag_count: _Optional[int] = ..., manifest_count: _Optional[int] = ..., events_through: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., reconciled_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., gap_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., complete: bool = ..., last_read: _Optional[_Union[_admin_pb2.Backfill, _Mapping]] = ..., unread: _Optional[_Iterable[_Union[UnreadRepository, _Mapping]]] = ..., unread_count: _Optional[int] = ..., limited_until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., read: _Optional[str] = ..., content_problems: _Optional[_Iterable[_Union[ContentProblem, _Mapping]]] = ..., verified: _Optional[_Union[Verification, _Mapping]] = ..., skew_seconds: _Optional[float] = ...) -> None: ...

class ContentProblem(_message.Message):
    __slots__ = ("problem", "manifest_count")
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    MANIFEST_COUNT_FIELD_NUMBER: _ClassVar[int]
    problem: str
    manifest_count: int
    def __init__(self, problem: _Optional[str] = ..., manifest_count: _Optional[int] = ...) -> None: ...

class Verification(_message.Message):
    __slots__ = ("sampled", "differed", "at")
    SAMPLED_FIELD_NUMBER: _ClassVar[int]
    DIFFERED_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    sampled: int
    differed: int
    at: _timestamp_pb2.Timestamp
    def __init__(self, sampled: _Optional[int] = ..., differed: _Optional[int] = ..., at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class UnreadRepository(_message.Message):
    __slots__ = ("repository", "reason")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    repository: str
    reason: str
    def __init__(self, repository: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class ListRegistriesRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListRegistriesResponse(_message.Message):
    __slots__ = ("registries", "next_page_token")
    REGISTRIES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    registries: _containers.RepeatedCompositeFieldContainer[Registry]
    next_page_token: str
    def __init__(self, registries: _Optional[_Iterable[_Union[Registry, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class GetRegistryRequest(_message.Message):
    __slots__ = ("registry",)
    REGISTRY_FIELD_NUMBER: _ClassVar[int]
    registry: str
    def __init__(self, registry: _Optional[str] = ...) -> None: ...

class Project(_message.Message):
    __slots__ = ("registry", "project", "repository_count", "tag_count", "size_bytes", "downloads_30d")
    REGISTRY_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    REPOSITORY_COUNT_FIELD_NUMBER: _ClassVar[int]
    TAG_COUNT_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    DOWNLOADS_30D_FIELD_NUMBER: _ClassVar[int]
    registry: str
    project: str
    repository_count: int
    tag_count: int
    size_bytes: int
    downloads_30d: int
    def __init__(self, registry: _Optional[str] = ..., project: _Optional[str] = ..., repository_count: _Optional[int] = ..., tag_count: _Optional[int] = ..., size_bytes: _Optional[int] = ..., downloads_30d: _Optional[int] = ...) -> None: ...

class ListProjectsRequest(_message.Message):
    __slots__ = ("registry", "page_size", "page_token")
    REGISTRY_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    registry: str
    page_size: int
    page_token: str
    def __init__(self, registry: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListProjectsResponse(_message.Message):
    __slots__ = ("projects", "next_page_token")
    PROJECTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    projects: _containers.RepeatedCompositeFieldContainer[Project]
    next_page_token: str
    def __init__(self, projects: _Optional[_Iterable[_Union[Project, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class Repository(_message.Message):
    __slots__ = ("registry", "repository", "project", "description", "tag_count", "manifest_count", "size_bytes", "downloads_30d", "first_seen_at", "pushed_at", "pulled_at", "platforms", "stars", "title", "source_url", "url", "documentation_url", "licenses", "vendor", "description_overridden", "official", "artifact_tag_count", "pushed_before")
    REGISTRY_FIELD_NUMBER: _ClassVar[int]
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    TAG_COUNT_FIELD_NUMBER: _ClassVar[int]
    MANIFEST_COUNT_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    DOWNLOADS_30D_FIELD_NUMBER: _ClassVar[int]
    FIRST_SEEN_AT_FIELD_NUMBER: _ClassVar[int]
    PUSHED_AT_FIELD_NUMBER: _ClassVar[int]
    PULLED_AT_FIELD_NUMBER: _ClassVar[int]
    PLATFORMS_FIELD_NUMBER: _ClassVar[int]
    STARS_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    SOURCE_URL_FIELD_NUMBER: _ClassVar[int]
    URL_FIELD_NUMBER: _ClassVar[int]
    DOCUMENTATION_URL_FIELD_NUMBER: _ClassVar[int]
    LICENSES_FIELD_NUMBER: _ClassVar[int]
    VENDOR_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_OVERRIDDEN_FIELD_NUMBER: _ClassVar[int]
    OFFICIAL_FIELD_NUMBER: _ClassVar[int]
    ARTIFACT_TAG_COUNT_FIELD_NUMBER: _ClassVar[int]
    PUSHED_BEFORE_FIELD_NUMBER: _ClassVar[int]
    registry: str
    repository: str
    project: str
    description: str
    tag_count: int
    manifest_count: int
    size_bytes: int
    downloads_30d: int
    first_seen_at: _timestamp_pb2.Timestamp
    pushed_at: _timestamp_pb2.Timestamp
    pulled_at: _timestamp_pb2.Timestamp
    platforms: _containers.RepeatedScalarFieldContainer[str]
    stars: int
    title: str
    source_url: str
    url: str
    documentation_url: str
    licenses: str
    vendor: str
    description_overridden: bool
    official: bool
    artifact_tag_count: int
    pushed_before: _timestamp_pb2.Timestamp
    def __init__(self, registry: _Optional[str] = ..., repository: _Optional[str] = ..., project: _Optional[str] = ..., description: _Optional[str] = ..., tag_count: _Optional[int] = ..., manifest_count: _Optional[int] = ..., size_bytes: _Optional[int] = ..., downloads_30d: _Optional[int] = ..., first_seen_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., pushed_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., pulled_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., platforms: _Optional[_Iterable[str]] = ..., stars: _Optional[int] = ..., title: _Optional[str] = ..., source_url: _Optional[str] = ..., url: _Optional[str] = ..., documentation_url: _Optional[str] = ..., licenses: _Optional[str] = ..., vendor: _Optional[str] = ..., description_overridden: bool = ..., official: bool = ..., artifact_tag_count: _Optional[int] = ..., pushed_before: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ListRepositoriesRequest(_message.Message):
    __slots__ = ("registry", "project", "match", "page_size", "page_token")
    REGISTRY_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    MATCH_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    registry: str
    project: str
    match: str
    page_size: int
    page_token: str
    def __init__(self, registry: _Optional[str] = ..., project: _Optional[str] = ..., match: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListRepositoriesResponse(_message.Message):
    __slots__ = ("repositories", "next_page_token")
    REPOSITORIES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    repositories: _containers.RepeatedCompositeFieldContainer[Repository]
    next_page_token: str
    def __init__(self, repositories: _Optional[_Iterable[_Union[Repository, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class UpdateRepositoryRequest(_message.Message):
    __slots__ = ("registry", "repository", "description")
    REGISTRY_FIELD_NUMBER: _ClassVar[int]
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    registry: str
    repository: str
    description: str
    def __init__(self, registry: _Optional[str] = ..., repository: _Optional[str] = ..., description: _Optional[str] = ...) -> None: ...

class StarRepositoryRequest(_message.Message):
    __slots__ = ("registry", "repository", "user")
    REGISTRY_FIELD_NUMBER: _ClassVar[int]
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    registry: str
    repository: str
    user: str
    def __init__(self, registry: _Optional[str] = ..., repository: _Optional[str] = ..., user: _Optional[str] = ...) -> None: ...

class UnstarRepositoryRequest(_message.Message):
    __slots__ = ("registry", "repository", "user")
    REGISTRY_FIELD_NUMBER: _ClassVar[int]
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    registry: str
    repository: str
    user: str
    def __init__(self, registry: _Optional[str] = ..., repository: _Optional[str] = ..., user: _Optional[str] = ...) -> None: ...

class Stars(_message.Message):
    __slots__ = ("stars", "starred")
    STARS_FIELD_NUMBER: _ClassVar[int]
    STARRED_FIELD_NUMBER: _ClassVar[int]
    stars: int
    starred: bool
    def __init__(self, stars: _Optional[int] = ..., starred: bool = ...) -> None: ...

class GetRepositoryRequest(_message.Message):
    __slots__ = ("registry", "repository")
    REGISTRY_FIELD_NUMBER: _ClassVar[int]
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    registry: str
    repository: str
    def __init__(self, registry: _Optional[str] = ..., repository: _Optional[str] = ...) -> None: ...

class Tag(_message.Message):
    __slots__ = ("registry", "repository", "tag", "digest", "media_type", "artifact_type", "total_size_bytes", "platforms", "created_at", "pushed_at", "exact", "not_before", "actor", "indexed", "first_seen_at")
    REGISTRY_FIELD_NUMBER: _ClassVar[int]
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    TAG_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    MEDIA_TYPE_FIELD_NUMBER: _ClassVar[int]
    ARTIFACT_TYPE_FIELD_NUMBER: _ClassVar[int]
    TOTAL_SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    PLATFORMS_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    PUSHED_AT_FIELD_NUMBER: _ClassVar[int]
    EXACT_FIELD_NUMBER: _ClassVar[int]
    NOT_BEFORE_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    INDEXED_FIELD_NUMBER: _ClassVar[int]
    FIRST_SEEN_AT_FIELD_NUMBER: _ClassVar[int]
    registry: str
    repository: str
    tag: str
    digest: str
    media_type: str
    artifact_type: str
    total_size_bytes: int
    platforms: _containers.RepeatedScalarFieldContainer[str]
    created_at: _timestamp_pb2.Timestamp
    pushed_at: _timestamp_pb2.Timestamp
    exact: bool
    not_before: _timestamp_pb2.Timestamp
    actor: str
    indexed: bool
    first_seen_at: _timestamp_pb2.Timestamp
    def __init__(self, registry: _Optional[str] = ..., repository: _Optional[str] = ..., tag: _Optional[str] = ..., digest: _Optional[str] = ..., media_type: _Optional[str] = ..., artifact_type: _Optional[str] = ..., total_size_bytes: _Optional[int] = ..., platforms: _Optional[_Iterable[str]] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., pushed_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., exact: bool = ..., not_before: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., actor: _Optional[str] = ..., indexed: bool = ..., first_seen_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ListTagsRequest(_message.Message):
    __slots__ = ("registry", "repository", "match", "as_of", "order_by", "page_size", "page_token", "include_artifacts")
    REGISTRY_FIELD_NUMBER: _ClassVar[int]
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    MATCH_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    ORDER_BY_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_ARTIFACTS_FIELD_NUMBER: _ClassVar[int]
    registry: str
    repository: str
    match: str
    as_of: _timestamp_pb2.Timestamp
    order_by: TagOrder
    page_size: int
    page_token: str
    include_artifacts: bool
    def __init__(self, registry: _Optional[str] = ..., repository: _Optional[str] = ..., match: _Optional[str] = ..., as_of: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., order_by: _Optional[_Union[TagOrder, str]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., include_artifacts: bool = ...) -> None: ...

class ListTagsResponse(_message.Message):
    __slots__ = ("tags", "next_page_token", "indexed_through", "complete")
    TAGS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    INDEXED_THROUGH_FIELD_NUMBER: _ClassVar[int]
    COMPLETE_FIELD_NUMBER: _ClassVar[int]
    tags: _containers.RepeatedCompositeFieldContainer[Tag]
    next_page_token: str
    indexed_through: _timestamp_pb2.Timestamp
    complete: bool
    def __init__(self, tags: _Optional[_Iterable[_Union[Tag, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., indexed_through: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., complete: bool = ...) -> None: ...

class GetTagRequest(_message.Message):
    __slots__ = ("registry", "repository", "tag", "as_of")
    REGISTRY_FIELD_NUMBER: _ClassVar[int]
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    TAG_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    registry: str
    repository: str
    tag: str
    as_of: _timestamp_pb2.Timestamp
    def __init__(self, registry: _Optional[str] = ..., repository: _Optional[str] = ..., tag: _Optional[str] = ..., as_of: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class BuildStep(_message.Message):
    __slots__ = ("created_at", "created_by", "comment", "empty_layer")
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    CREATED_BY_FIELD_NUMBER: _ClassVar[int]
    COMMENT_FIELD_NUMBER: _ClassVar[int]
    EMPTY_LAYER_FIELD_NUMBER: _ClassVar[int]
    created_at: _timestamp_pb2.Timestamp
    created_by: str
    comment: str
    empty_layer: bool
    def __init__(self, created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., created_by: _Optional[str] = ..., comment: _Optional[str] = ..., empty_layer: bool = ...) -> None: ...

class Manifest(_message.Message):
    __slots__ = ("registry", "repository", "digest", "media_type", "artifact_type", "size_bytes", "total_size_bytes", "config", "platform", "created_at", "labels", "annotations", "subject", "layers", "manifests", "history", "tags", "state", "problem", "truncated", "present", "first_seen_at", "last_seen_at")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    class AnnotationsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    REGISTRY_FIELD_NUMBER: _ClassVar[int]
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    MEDIA_TYPE_FIELD_NUMBER: _ClassVar[int]
    ARTIFACT_TYPE_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    TOTAL_SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    CONFIG_FIELD_NUMBER: _ClassVar[int]
    PLATFORM_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    ANNOTATIONS_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    LAYERS_FIELD_NUMBER: _ClassVar[int]
    MANIFESTS_FIELD_NUMBER: _ClassVar[int]
    HISTORY_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    PRESENT_FIELD_NUMBER: _ClassVar[int]
    FIRST_SEEN_AT_FIELD_NUMBER: _ClassVar[int]
    LAST_SEEN_AT_FIELD_NUMBER: _ClassVar[int]
    registry: str
    repository: str
    digest: str
    media_type: str
    artifact_type: str
    size_bytes: int
    total_size_bytes: int
    config: _content_pb2.Descriptor
    platform: _content_pb2.Platform
    created_at: _timestamp_pb2.Timestamp
    labels: _containers.ScalarMap[str, str]
    annotations: _containers.ScalarMap[str, str]
    subject: str
    layers: _containers.RepeatedCompositeFieldContainer[_content_pb2.Layer]
    manifests: _containers.RepeatedCompositeFieldContainer[_content_pb2.Descriptor]
    history: _containers.RepeatedCompositeFieldContainer[BuildStep]
    tags: _containers.RepeatedScalarFieldContainer[str]
    state: ManifestState
    problem: str
    truncated: bool
    present: bool
    first_seen_at: _timestamp_pb2.Timestamp
    last_seen_at: _timestamp_pb2.Timestamp
    def __init__(self, registry: _Optional[str] = ..., repository: _Optional[str] = ..., digest: _Optional[str] = ..., media_type: _Optional[str] = ..., artifact_type: _Optional[str] = ..., size_bytes: _Optional[int] = ..., total_size_bytes: _Optional[int] = ..., config: _Optional[_Union[_content_pb2.Descriptor, _Mapping]] = ..., platform: _Optional[_Union[_content_pb2.Platform, _Mapping]] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., labels: _Optional[_Mapping[str, str]] = ..., annotations: _Optional[_Mapping[str, str]] = ..., subject: _Optional[str] = ..., layers: _Optional[_Iterable[_Union[_content_pb2.Layer, _Mapping]]] = ..., manifests: _Optional[_Iterable[_Union[_content_pb2.Descriptor, _Mapping]]] = ..., history: _Optional[_Iterable[_Union[BuildStep, _Mapping]]] = ..., tags: _Optional[_Iterable[str]] = ..., state: _Optional[_Union[ManifestState, str]] = ..., problem: _Optional[str] = ..., truncated: bool = ..., present: bool = ..., first_seen_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., last_seen_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class GetManifestRequest(_message.Message):
    __slots__ = ("registry", "repository", "digest")
    REGISTRY_FIELD_NUMBER: _ClassVar[int]
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    registry: str
    repository: str
    digest: str
    def __init__(self, registry: _Optional[str] = ..., repository: _Optional[str] = ..., digest: _Optional[str] = ...) -> None: ...

class ListReferrersRequest(_message.Message):
    __slots__ = ("registry", "repository", "digest", "artifact_type", "page_size", "page_token")
    REGISTRY_FIELD_NUMBER: _ClassVar[int]
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    ARTIFACT_TYPE_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    registry: str
    repository: str
    digest: str
    artifact_type: str
    page_size: int
    page_token: str
    def __init__(self, registry: _Optional[str] = ..., repository: _Optional[str] = ..., digest: _Optional[str] = ..., artifact_type: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListReferrersResponse(_message.Message):
    __slots__ = ("referrers", "next_page_token")
    REFERRERS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    referrers: _containers.RepeatedCompositeFieldContainer[_content_pb2.Descriptor]
    next_page_token: str
    def __init__(self, referrers: _Optional[_Iterable[_Union[_content_pb2.Descriptor, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ResolveReferenceRequest(_message.Message):
    __slots__ = ("reference", "as_of", "platform")
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    PLATFORM_FIELD_NUMBER: _ClassVar[int]
    reference: str
    as_of: _timestamp_pb2.Timestamp
    platform: str
    def __init__(self, reference: _Optional[str] = ..., as_of: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., platform: _Optional[str] = ...) -> None: ...

class ResolveReferenceResponse(_message.Message):
    __slots__ = ("registry", "repository", "tag", "digest", "media_type", "platform_digest", "pushed_at", "exact", "not_before", "pinned", "indexed_through", "complete", "first_seen_at")
    REGISTRY_FIELD_NUMBER: _ClassVar[int]
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    TAG_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    MEDIA_TYPE_FIELD_NUMBER: _ClassVar[int]
    PLATFORM_DIGEST_FIELD_NUMBER: _ClassVar[int]
    PUSHED_AT_FIELD_NUMBER: _ClassVar[int]
    EXACT_FIELD_NUMBER: _ClassVar[int]
    NOT_BEFORE_FIELD_NUMBER: _ClassVar[int]
    PINNED_FIELD_NUMBER: _ClassVar[int]
    INDEXED_THROUGH_FIELD_NUMBER: _ClassVar[int]
    COMPLETE_FIELD_NUMBER: _ClassVar[int]
    FIRST_SEEN_AT_FIELD_NUMBER: _ClassVar[int]
    registry: str
    repository: str
    tag: str
    digest: str
    media_type: str
    platform_digest: str
    pushed_at: _timestamp_pb2.Timestamp
    exact: bool
    not_before: _timestamp_pb2.Timestamp
    pinned: str
    indexed_through: _timestamp_pb2.Timestamp
    complete: bool
    first_seen_at: _timestamp_pb2.Timestamp
    def __init__(self, registry: _Optional[str] = ..., repository: _Optional[str] = ..., tag: _Optional[str] = ..., digest: _Optional[str] = ..., media_type: _Optional[str] = ..., platform_digest: _Optional[str] = ..., pushed_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., exact: bool = ..., not_before: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., pinned: _Optional[str] = ..., indexed_through: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., complete: bool = ..., first_seen_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class DigestMatch(_message.Message):
    __slots__ = ("digest", "kind", "registry", "repository", "manifest_digest", "media_type", "tags", "platform", "present", "first_seen_at", "last_seen_at")
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    REGISTRY_FIELD_NUMBER: _ClassVar[int]
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    MANIFEST_DIGEST_FIELD_NUMBER: _ClassVar[int]
    MEDIA_TYPE_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    PLATFORM_FIELD_NUMBER: _ClassVar[int]
    PRESENT_FIELD_NUMBER: _ClassVar[int]
    FIRST_SEEN_AT_FIELD_NUMBER: _ClassVar[int]
    LAST_SEEN_AT_FIELD_NUMBER: _ClassVar[int]
    digest: str
    kind: DigestKind
    registry: str
    repository: str
    manifest_digest: str
    media_type: str
    tags: _containers.RepeatedScalarFieldContainer[str]
    platform: str
    present: bool
    first_seen_at: _timestamp_pb2.Timestamp
    last_seen_at: _timestamp_pb2.Timestamp
    def __init__(self, digest: _Optional[str] = ..., kind: _Optional[_Union[DigestKind, str]] = ..., registry: _Optional[str] = ..., repository: _Optional[str] = ..., manifest_digest: _Optional[str] = ..., media_type: _Optional[str] = ..., tags: _Optional[_Iterable[str]] = ..., platform: _Optional[str] = ..., present: bool = ..., first_seen_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., last_seen_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class LookupDigestRequest(_message.Message):
    __slots__ = ("digest", "page_size", "page_token")
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    digest: str
    page_size: int
    page_token: str
    def __init__(self, digest: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class LookupDigestResponse(_message.Message):
    __slots__ = ("matches", "next_page_token")
    MATCHES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    matches: _containers.RepeatedCompositeFieldContainer[DigestMatch]
    next_page_token: str
    def __init__(self, matches: _Optional[_Iterable[_Union[DigestMatch, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...
