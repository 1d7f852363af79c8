import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SearchOrder(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SEARCH_ORDER_UNSPECIFIED: _ClassVar[SearchOrder]
    SEARCH_ORDER_RELEVANCE: _ClassVar[SearchOrder]
    SEARCH_ORDER_NAME: _ClassVar[SearchOrder]
    SEARCH_ORDER_PUSHED: _ClassVar[SearchOrder]
    SEARCH_ORDER_PULLED: _ClassVar[SearchOrder]
    SEARCH_ORDER_DOWNLOADS: _ClassVar[SearchOrder]
    SEARCH_ORDER_SIZE: _ClassVar[SearchOrder]
    SEARCH_ORDER_STARS: _ClassVar[SearchOrder]

class SuggestionKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SUGGESTION_KIND_UNSPECIFIED: _ClassVar[SuggestionKind]
    SUGGESTION_KIND_REPOSITORY: _ClassVar[SuggestionKind]
    SUGGESTION_KIND_PROJECT: _ClassVar[SuggestionKind]
    SUGGESTION_KIND_TAG: _ClassVar[SuggestionKind]
SEARCH_ORDER_UNSPECIFIED: SearchOrder
SEARCH_ORDER_RELEVANCE: SearchOrder
SEARCH_ORDER_NAME: SearchOrder
SEARCH_ORDER_PUSHED: SearchOrder
SEARCH_ORDER_PULLED: SearchOrder
SEARCH_ORDER_DOWNLOADS: SearchOrder
SEARCH_ORDER_SIZE: SearchOrder
SEARCH_ORDER_STARS: SearchOrder
SUGGESTION_KIND_UNSPECIFIED: SuggestionKind
SUGGESTION_KIND_REPOSITORY: SuggestionKind
SUGGESTION_KIND_PROJECT: SuggestionKind
SUGGESTION_KIND_TAG: SuggestionKind

class SearchRepositoriesRequest(_message.Message):
    __slots__ = ("q", "registry", "project", "page_size", "page_token", "tag", "label", "platform", "media_type", "pushed_after", "pushed_before", "pulled_after", "pulled_before", "min_downloads", "max_downloads", "min_size_bytes", "max_size_bytes", "min_stars", "max_stars", "signed", "order_by", "facets")
    Q_FIELD_NUMBER: _ClassVar[int]
    REGISTRY_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    TAG_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    PLATFORM_FIELD_NUMBER: _ClassVar[int]
    MEDIA_TYPE_FIELD_NUMBER: _ClassVar[int]
    PUSHED_AFTER_FIELD_NUMBER: _ClassVar[int]
    PUSHED_BEFORE_FIELD_NUMBER: _ClassVar[int]
    PULLED_AFTER_FIELD_NUMBER: _ClassVar[int]
    PULLED_BEFORE_FIELD_NUMBER: _ClassVar[int]
    MIN_DOWNLOADS_FIELD_NUMBER: _ClassVar[int]
    MAX_DOWNLOADS_FIELD_NUMBER: _ClassVar[int]
    MIN_SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    MIN_STARS_FIELD_NUMBER: _ClassVar[int]
    MAX_STARS_FIELD_NUMBER: _ClassVar[int]
    SIGNED_FIELD_NUMBER: _ClassVar[int]
    ORDER_BY_FIELD_NUMBER: _ClassVar[int]
    FACETS_FIELD_NUMBER: _ClassVar[int]
    q: str
    registry: str
    project: str
    page_size: int
    page_token: str
    tag: _containers.RepeatedScalarFieldContainer[str]
    label: _containers.RepeatedScalarFieldContainer[str]
    platform: _containers.RepeatedScalarFieldContainer[str]
    media_type: _containers.RepeatedScalarFieldContainer[str]
    pushed_after: _timestamp_pb2.Timestamp
    pushed_before: _timestamp_pb2.Timestamp
    pulled_after: _timestamp_pb2.Timestamp
    pulled_before: _timestamp_pb2.Timestamp
    min_downloads: int
    max_downloads: int
    min_size_bytes: int
    max_size_bytes: int
    min_stars: int
    max_stars: int
    signed: bool
    order_by: SearchOrder
    facets: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, q: _Optional[str] = ..., registry: _Optional[str] = ..., project: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., tag: _Optional[_Iterable[str]] = ..., label: _Optional[_Iterable[str]] = ..., platform: _Optional[_Iterable[str]] = ..., media_type: _Optional[_Iterable[str]] = ..., pushed_after: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., pushed_before: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., pulled_after: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., pulled_before: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., min_downloads: _Optional[int] = ..., max_downloads: _Optional[int] = ..., min_size_bytes: _Optional[int] = ..., max_size_bytes: _Optional[int] = ..., min_stars: _Optional[int] = ..., max_stars: _Optional[int] = ..., signed: bool = ..., order_by: _Optional[_Union[SearchOrder, str]] = ..., facets: _Optional[_Iterable[str]] = ...) -> None: ...

class HighlightPiece(_message.Message):
    __slots__ = ("text", "matched")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    MATCHED_FIELD_NUMBER: _ClassVar[int]
    text: str
    matched: bool
    def __init__(self, text: _Optional[str] = ..., matched: bool = ...) -> None: ...

class Highlight(_message.Message):
    __slots__ = ("field", "pieces")
    FIELD_FIELD_NUMBER: _ClassVar[int]
    PIECES_FIELD_NUMBER: _ClassVar[int]
    field: str
    pieces: _containers.RepeatedCompositeFieldContainer[HighlightPiece]
    def __init__(self, field: _Optional[str] = ..., pieces: _Optional[_Iterable[_Union[HighlightPiece, _Mapping]]] = ...) -> None: ...

class FacetValue(_message.Message):
    __slots__ = ("value", "count")
    VALUE_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    value: str
    count: int
    def __init__(self, value: _Optional[str] = ..., count: _Optional[int] = ...) -> None: ...

class Facet(_message.Message):
    __slots__ = ("field", "values")
    FIELD_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    field: str
    values: _containers.RepeatedCompositeFieldContainer[FacetValue]
    def __init__(self, field: _Optional[str] = ..., values: _Optional[_Iterable[_Union[FacetValue, _Mapping]]] = ...) -> None: ...

class SearchHit(_message.Message):
    __slots__ = ("registry", "repository", "project", "description", "tags", "platforms", "tag_count", "downloads_30d", "pushed_at", "pulled_at", "title", "size_bytes", "stars", "signed", "official", "labels", "highlights", "matched_tags", "matched_digest", "pushed_before")
    REGISTRY_FIELD_NUMBER: _ClassVar[int]
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    PLATFORMS_FIELD_NUMBER: _ClassVar[int]
    TAG_COUNT_FIELD_NUMBER: _ClassVar[int]
    DOWNLOADS_30D_FIELD_NUMBER: _ClassVar[int]
    PUSHED_AT_FIELD_NUMBER: _ClassVar[int]
    PULLED_AT_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    STARS_FIELD_NUMBER: _ClassVar[int]
    SIGNED_FIELD_NUMBER: _ClassVar[int]
    OFFICIAL_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    HIGHLIGHTS_FIELD_NUMBER: _ClassVar[int]
    MATCHED_TAGS_FIELD_NUMBER: _ClassVar[int]
    MATCHED_DIGEST_FIELD_NUMBER: _ClassVar[int]
    PUSHED_BEFORE_FIELD_NUMBER: _ClassVar[int]
    registry: str
    repository: str
    project: str
    description: str
    tags: _containers.RepeatedScalarFieldContainer[str]
    platforms: _containers.RepeatedScalarFieldContainer[str]
    tag_count: int
    downloads_30d: int
    pushed_at: _timestamp_pb2.Timestamp
    pulled_at: _timestamp_pb2.Timestamp
    title: str
    size_bytes: int
    stars: int
    signed: bool
    official: bool
    labels: _containers.RepeatedScalarFieldContainer[str]
    highlights: _containers.RepeatedCompositeFieldContainer[Highlight]
    matched_tags: _containers.RepeatedScalarFieldContainer[str]
    matched_digest: str
    pushed_before: _timestamp_pb2.Timestamp
    def __init__(self, registry: _Optional[str] = ..., repository: _Optional[str] = ..., project: _Optional[str] = ..., description: _Optional[str] = ..., tags: _Optional[_Iterable[str]] = ..., platforms: _Optional[_Iterable[str]] = ..., tag_count: _Optional[int] = ..., downloads_30d: _Optional[int] = ..., pushed_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., pulled_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., title: _Optional[str] = ..., size_bytes: _Optional[int] = ..., stars: _Optional[int] = ..., signed: bool = ..., official: bool = ..., labels: _Optional[_Iterable[str]] = ..., highlights: _Optional[_Iterable[_Union[Highlight, _Mapping]]] = ..., matched_tags: _Optional[_Iterable[str]] = ..., matched_digest: _Optional[str] = ..., pushed_before: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class SearchRepositoriesResponse(_message.Message):
    __slots__ = ("hits", "next_page_token", "total", "degraded", "source", "index_lag_seconds", "indexed_through", "complete", "facets", "did_you_mean")
    HITS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    DEGRADED_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    INDEX_LAG_SECONDS_FIELD_NUMBER: _ClassVar[int]
    INDEXED_THROUGH_FIELD_NUMBER: _ClassVar[int]
    COMPLETE_FIELD_NUMBER: _ClassVar[int]
    FACETS_FIELD_NUMBER: _ClassVar[int]
    DID_YOU_MEAN_FIELD_NUMBER: _ClassVar[int]
    hits: _containers.RepeatedCompositeFieldContainer[SearchHit]
    next_page_token: str
    total: int
    degraded: bool
    source: str
    index_lag_seconds: float
    indexed_through: _timestamp_pb2.Timestamp
    complete: bool
    facets: _containers.RepeatedCompositeFieldContainer[Facet]
    did_you_mean: str
    def __init__(self, hits: _Optional[_Iterable[_Union[SearchHit, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., total: _Optional[int] = ..., degraded: bool = ..., source: _Optional[str] = ..., index_lag_seconds: _Optional[float] = ..., indexed_through: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., complete: bool = ..., facets: _Optional[_Iterable[_Union[Facet, _Mapping]]] = ..., did_you_mean: _Optional[str] = ...) -> None: ...

class SuggestRepositoriesRequest(_message.Message):
    __slots__ = ("q", "registry", "limit")
    Q_FIELD_NUMBER: _ClassVar[int]
    REGISTRY_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    q: str
    registry: str
    limit: int
    def __init__(self, q: _Optional[str] = ..., registry: _Optional[str] = ..., limit: _Optional[int] = ...) -> None: ...

class Suggestion(_message.Message):
    __slots__ = ("kind", "text", "registry", "repository", "project", "tag")
    KIND_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    REGISTRY_FIELD_NUMBER: _ClassVar[int]
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    TAG_FIELD_NUMBER: _ClassVar[int]
    kind: SuggestionKind
    text: str
    registry: str
    repository: str
    project: str
    tag: str
    def __init__(self, kind: _Optional[_Union[SuggestionKind, str]] = ..., text: _Optional[str] = ..., registry: _Optional[str] = ..., repository: _Optional[str] = ..., project: _Optional[str] = ..., tag: _Optional[str] = ...) -> None: ...

class SuggestRepositoriesResponse(_message.Message):
    __slots__ = ("suggestions", "degraded")
    SUGGESTIONS_FIELD_NUMBER: _ClassVar[int]
    DEGRADED_FIELD_NUMBER: _ClassVar[int]
    suggestions: _containers.RepeatedCompositeFieldContainer[Suggestion]
    degraded: bool
    def __init__(self, suggestions: _Optional[_Iterable[_Union[Suggestion, _Mapping]]] = ..., degraded: bool = ...) -> None: ...
