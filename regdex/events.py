"""Events: changes and pulls in a registry. Decoders return them, and the recorder stores them.

The webhook endpoint that received an event determines its registry; the event itself names only the repository.
"""

import enum
import hashlib
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from asyncpg.pgproto.pgproto import UUID

# The largest lead of a sender's clock over PostgreSQL's at which its times are still trusted.
JITTER = timedelta(seconds=2)
MAX_ORDINAL = 0xFFFF


class Source(enum.IntEnum):
    """How Regdex learned of a fact. The numbers are stored in the `source` columns."""

    EVENT = 1
    SCAN = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """The fields of every event.

    `told_at` is the sender's time, None if it sent none or an impossible one; `told_nanos` are the nanoseconds to add
    to it. `received_at` is PostgreSQL's time of receipt. `position` orders events by their first delivery, see
    `position_of`. `key` is equal for a redelivery of the same event, see `event_key`.
    """

    received_at: datetime
    told_at: datetime | None
    told_nanos: int = 0
    position: int = 0
    key: uuid.UUID
    actor: str = ""

    @property
    def at(self) -> datetime:
        """Return the time of the event: the sender's time, but never later than its receipt."""
        return self.received_at if self.told_at is None else min(self.told_at, self.received_at)

    @property
    def exact(self) -> bool:
        """Return whether the sender's time can be trusted: it is at most `JITTER` later than the receipt."""
        return self.told_at is not None and self.told_at <= self.received_at + JITTER


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryEvent(Event):
    """The fields of events in one repository."""

    repository: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestPushed(RegistryEvent):
    """A manifest or an index was pushed. `tag` is empty if it was pushed by digest."""

    digest: str
    tag: str = ""
    media_type: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestPulled(RegistryEvent):
    """A manifest was requested by GET, or by HEAD (`is_head`). `address` has no port."""

    digest: str
    tag: str = ""
    is_head: bool = False
    address: str = ""
    user_agent: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestDeleted(RegistryEvent):
    """A manifest was deleted. With `takes_tags`, the tags that pointed to it were deleted too."""

    digest: str
    takes_tags: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class TagDeleted(RegistryEvent):
    """A tag was deleted. Its manifest may still exist."""

    tag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryDeleted(RegistryEvent):
    """A repository was deleted with all its tags and manifests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TagTouched(RegistryEvent):
    """A tag changed in an unknown way. The tag is read from the registry."""

    tag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryTouched(RegistryEvent):
    """Something in a repository changed. All its tags are read from the registry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectTouched(Event):
    """Something in a project changed. Its repositories are read again; an empty project means those without a slash."""

    project: str


@dataclass(frozen=True, slots=True)
class Decoded:
    """The result of decoding one delivery.

    `ignored` counts valid items that Regdex does not store, such as pushes of blobs.
    `rejected` has one reason, without content, for each item that cannot be used; the other items are recorded.
    `instance` is the name of the registry process that sent the delivery, if it sends one.
    `foreign_hosts` counts items that name a host which the registry does not have. Such hosts are never contacted.
    """

    events: list[Event]
    ignored: int = 0
    rejected: tuple[str, ...] = ()
    instance: str = ""
    foreign_hosts: int = 0


def position_of(delivery_id: int, ordinal: int) -> int:
    """Return a number that orders events by delivery, and within a delivery by the sender's order."""
    return delivery_id << 16 | min(ordinal, MAX_ORDINAL)


def delivery_of(position: int) -> int:
    """Return the id of the delivery that a position belongs to."""
    return position >> 16


def event_key(*parts: str) -> uuid.UUID:
    """Return a 128-bit key of `parts`: the sender's event id, or all fields that distinguish the event from others.

    The class is asyncpg's own UUID, a faster subclass of `uuid.UUID`.
    """
    said = "\x00".join(parts).encode("utf-8", "surrogatepass")
    key: uuid.UUID = UUID(hashlib.blake2b(said, digest_size=16).digest())
    return key
