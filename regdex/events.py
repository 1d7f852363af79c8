"""What happened in a registry, in our vocabulary: what decoders return and the recorder records.

An event names a repository of the registry whose endpoint received it; the endpoint alone decides the registry.
"""

import enum
import hashlib
import uuid
from dataclasses import dataclass
from datetime import datetime

from asyncpg.pgproto.pgproto import UUID


class Source(enum.IntEnum):
    """How something became known; the numbers are those of the `source` columns."""

    EVENT = 1
    SCAN = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryEvent:
    """What all events share.

    `at` is the registry's own time; `exact` is False when the sender gave none and `at` is the time of receipt.
    `key` makes a redelivered event the same event: see `event_key`.
    """

    repository: str
    at: datetime
    key: uuid.UUID
    exact: bool = True
    actor: str = ""


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


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a decoder made of one delivery.

    `ignored` counts items that are understood but say nothing we keep (blobs).
    `rejected` are reasons for items that cannot be used, content never included: the rest is recorded all the same.
    `instance` names the registry process that sent it, where it says so.
    `foreign_hosts` counts items that name another registry than the endpoint's own hosts: recorded, never contacted.
    """

    events: list[RegistryEvent]
    ignored: int = 0
    rejected: tuple[str, ...] = ()
    instance: str = ""
    foreign_hosts: int = 0


def event_key(*parts: str) -> uuid.UUID:
    """A 128-bit key from what identifies an event: the sender's event id, else everything that tells it apart.

    Of the driver's own class, which is a `uuid.UUID` in C.
    """
    said = "\x00".join(parts).encode("utf-8", "surrogatepass")
    key: uuid.UUID = UUID(hashlib.blake2b(said, digest_size=16).digest())
    return key
