"""What happened in a registry, in our vocabulary: what decoders return and the recorder records.

An event names a repository of the registry whose endpoint received it; the endpoint alone decides the registry.
"""

import enum
import hashlib
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from asyncpg.pgproto.pgproto import UUID

# A sender's clock may be ahead of ours by so much and still be believed.
JITTER = timedelta(seconds=2)
MAX_ORDINAL = 0xFFFF


class Source(enum.IntEnum):
    """How something became known; the numbers are those of the `source` columns."""

    EVENT = 1
    SCAN = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What all events share.

    `told_at` is the sender's time, None where it told none that can be true, and `told_nanos` the nanoseconds by which
    it is later. `received_at` is PostgreSQL's time of the receipt. `position` is the place in the order of the first
    delivery: see `position_of`. `key` makes a redelivered event the same event: see `event_key`.
    """

    received_at: datetime
    told_at: datetime | None
    told_nanos: int = 0
    position: int = 0
    key: uuid.UUID
    actor: str = ""

    @property
    def at(self) -> datetime:
        """When it happened: nothing happened after it was received."""
        return self.received_at if self.told_at is None else min(self.told_at, self.received_at)

    @property
    def exact(self) -> bool:
        """Whether the sender told a time that can be true: none later than its receipt, but for a little jitter."""
        return self.told_at is not None and self.told_at <= self.received_at + JITTER


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryEvent(Event):
    """An event in one repository."""

    repository: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestPushed(RegistryEvent):
    """A manifest or an index was put; `tag` is empty when it was put by digest."""

    digest: str
    tag: str = ""
    media_type: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestPulled(RegistryEvent):
    """A manifest was asked for, by GET or (`is_head`) by HEAD; `address` has no port."""

    digest: str
    tag: str = ""
    is_head: bool = False
    address: str = ""
    user_agent: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestDeleted(RegistryEvent):
    """A manifest is gone; where `takes_tags`, the tags that pointed to it went with it."""

    digest: str
    takes_tags: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class TagDeleted(RegistryEvent):
    """A tag is gone; its manifest may be there still."""

    tag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryDeleted(RegistryEvent):
    """A repository is gone with everything in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TagTouched(RegistryEvent):
    """Something happened to a tag, and the sender did not say what: the registry is asked."""

    tag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryTouched(RegistryEvent):
    """Something happened in a repository, and the sender did not say to what: its tags are read again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectTouched(Event):
    """Something happened in a project (empty: in repositories without a slash): its repositories are read again."""

    project: str


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a decoder made of one delivery.

    `ignored` counts items that are understood but say nothing we keep (blobs).
    `rejected` are reasons for items that cannot be used, content never included: the rest is recorded all the same.
    `instance` names the registry process that sent it, where it says so.
    `foreign_hosts` counts items that name another registry than the endpoint's own hosts: recorded, never contacted.
    """

    events: list[Event]
    ignored: int = 0
    rejected: tuple[str, ...] = ()
    instance: str = ""
    foreign_hosts: int = 0


def position_of(delivery_id: int, ordinal: int) -> int:
    """A number that orders events as they were first delivered: by delivery, and within one as the sender did."""
    return delivery_id << 16 | min(ordinal, MAX_ORDINAL)


def delivery_of(position: int) -> int:
    """The delivery that a position belongs to."""
    return position >> 16


def event_key(*parts: str) -> uuid.UUID:
    """A 128-bit key from what identifies an event: the sender's event id, else everything that tells it apart.

    Of the driver's own class, which is a `uuid.UUID` in C.
    """
    said = "\x00".join(parts).encode("utf-8", "surrogatepass")
    key: uuid.UUID = UUID(hashlib.blake2b(said, digest_size=16).digest())
    return key
