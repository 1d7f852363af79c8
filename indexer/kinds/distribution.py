"""Decoder for CNCF Distribution 2.8 and 3: `application/vnd.docker.distribution.events.v1+json` and `v2+json`.

Source: distribution documentation, "Work with notifications", and its `notifications` package. One envelope may hold
unrelated events. Requests of blobs say nothing that is kept here; requests of manifests come with GET and with HEAD.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, Literal
from uuid import UUID

from indexer.kinds.kind import Delivery
from indexer.kinds.reading import ACTOR_MAX, read_address, read_json, read_text, read_time, read_user_agent
from regdex.digest import is_digest
from regdex.errors import InvalidArgument, Undecodable
from regdex.events import (
    Decoded,
    ManifestDeleted,
    ManifestPulled,
    ManifestPushed,
    RegistryEvent,
    RepositoryDeleted,
    TagDeleted,
    event_key,
)
from regdex.reference import check_repository, check_tag

_NOTHING: Mapping[str, Any] = {}
_names_manifest = re.compile(r"[./](?:manifest|index)\b").search
_names_blob = re.compile(
    r"octet-stream|[./+](?:config|layer|rootfs|tar|gzip|zip|empty|content|prov)\b|container\.image\.v1"
).search


class DistributionDecoder:
    """Items that are no manifest's and unknown actions are ignored; a broken item does not take the others with it."""

    kind: ClassVar[str] = "distribution"
    untagged_manifests: ClassVar[Literal["kept", "vanish"]] = "kept"

    def decode(self, delivery: Delivery) -> Decoded:
        envelope = read_json(delivery.body)
        if not isinstance(envelope, dict) or "events" not in envelope:
            raise Undecodable("not a Distribution envelope: an object with `events`")
        items = [] if envelope["events"] is None else envelope["events"]
        if not isinstance(items, list):
            raise Undecodable("not a Distribution envelope: `events` is not a list")
        events: list[RegistryEvent] = []
        rejected: list[str] = []
        ignored = foreign_hosts = 0
        for ordinal, item in enumerate(items):
            try:
                event = _translate(delivery, ordinal, item)
            except InvalidArgument as error:
                rejected.append(f"event {ordinal}: {error}")
                continue
            if event is None:
                ignored += 1
            else:
                events.append(event)
                foreign_hosts += _is_foreign(item, delivery.hosts)
        return Decoded(events, ignored, tuple(rejected), _instance(items), foreign_hosts)


def _translate(delivery: Delivery, ordinal: int, item: Any) -> RegistryEvent | None:
    """One item as an event; None when it says nothing that is kept. InvalidArgument when it cannot be used."""
    if type(item) is not dict:
        raise InvalidArgument("it is not an object")
    action = item.get("action")
    target = item.get("target")
    if type(target) is not dict:
        raise InvalidArgument("it has no target")
    if action == "delete":
        return _translate_delete(delivery, ordinal, item, target)
    if action not in ("push", "pull") or not _is_manifest(target):
        return None

    repository, tag, digest = _names(target)
    if not digest:
        raise InvalidArgument("target.digest is missing")
    at, key, actor = _origin(delivery, ordinal, item, repository, tag, digest)
    if action == "push":
        media_type = read_text(target.get("mediaType"), "target.mediaType").partition(";")[0].strip()
        return ManifestPushed(
            repository=repository,
            at=at or delivery.received_at,
            key=key,
            exact=at is not None,
            actor=actor,
            digest=digest,
            tag=tag,
            media_type=media_type,
        )
    request = _part(item, "request")
    return ManifestPulled(
        repository=repository,
        at=at or delivery.received_at,
        key=key,
        exact=at is not None,
        actor=actor,
        digest=digest,
        tag=tag,
        is_head=request.get("method") in ("HEAD", "head"),
        address=read_address(read_text(request.get("addr"), "request.addr")),
        user_agent=read_user_agent(request.get("useragent"), "request.useragent"),
    )


def _translate_delete(
    delivery: Delivery, ordinal: int, item: dict[str, Any], target: dict[str, Any]
) -> RegistryEvent | None:
    """A delete says what is gone by what it names: a tag, else a manifest, else the whole repository."""
    if _is_blob(target):
        return None
    repository, tag, digest = _names(target)
    at, key, actor = _origin(delivery, ordinal, item, repository, tag, digest)
    at, exact = at or delivery.received_at, at is not None
    if tag:
        return TagDeleted(repository=repository, at=at, key=key, exact=exact, actor=actor, tag=tag)
    if digest:
        return ManifestDeleted(repository=repository, at=at, key=key, exact=exact, actor=actor, digest=digest)
    return RepositoryDeleted(repository=repository, at=at, key=key, exact=exact, actor=actor)


def _is_manifest(target: dict[str, Any]) -> bool:
    """By the path of its url, else by its media type, else by its having a tag or references, which no blob has."""
    collection = _collection(target)
    if collection:
        return collection == "manifests"
    media_type = target.get("mediaType")
    if isinstance(media_type, str):
        media_type = media_type.partition(";")[0].lower()
        if _names_manifest(media_type):
            return True
        if _names_blob(media_type):
            return False
    return bool(target.get("tag") or target.get("references"))


def _is_blob(target: dict[str, Any]) -> bool:
    """Of a delete, which names neither a url nor a media type unless a proxy of the sender's added them."""
    if collection := _collection(target):
        return collection == "blobs"
    media_type = target.get("mediaType")
    return isinstance(media_type, str) and not _names_manifest(media_type) and _names_blob(media_type) is not None


def _collection(target: dict[str, Any]) -> str:
    """`manifests` or `blobs` from a url that ends in `/manifests/<digest>` or `/blobs/<digest>`; else empty."""
    url = target.get("url")
    if not isinstance(url, str):
        return ""
    parts = url.partition("?")[0].rsplit("/", 2)
    return parts[1] if len(parts) == 3 and parts[1] in ("manifests", "blobs") else ""


def _names(target: dict[str, Any]) -> tuple[str, str, str]:
    """Repository, tag and digest, each well-formed or empty; the repository is there."""
    repository, tag, digest = target.get("repository") or "", target.get("tag") or "", target.get("digest") or ""
    if not (type(repository) is type(tag) is type(digest) is str):
        raise InvalidArgument("target.repository, target.tag or target.digest is not text")
    check_repository(repository)
    if digest and not is_digest(digest):
        raise InvalidArgument("target.digest is not sha256:<64 hexadecimal digits> or sha512:<128>, in lower case")
    if ":" in tag and is_digest(tag):  # asked for by digest
        tag = ""
    elif tag:
        check_tag(tag)
    return repository, tag, digest


def _origin(
    delivery: Delivery, ordinal: int, item: dict[str, Any], repository: str, tag: str, digest: str
) -> tuple[datetime | None, UUID, str]:
    """Time (None when the sender gave none), key, and actor.

    The key is made from the sender's id, else from all that tells events apart. What has no time is not told apart.
    """
    at = read_time(item.get("timestamp"), "timestamp", delivery.received_at)
    actor = read_text(_part(item, "actor").get("name"), "actor.name")[:ACTOR_MAX]
    if at is None:
        return None, event_key(delivery.registry, "delivery", str(delivery.id), str(ordinal)), actor
    if (id := item.get("id")) and type(id) is str:
        return at, event_key(delivery.registry, "distribution", id), actor
    request = _part(item, "request")
    said = (str(item["action"]), str(request.get("method")), str(request.get("addr")))
    return at, event_key(delivery.registry, repository, tag, digest, at.isoformat(), actor, *said), actor


def _instance(items: list[Any]) -> str:
    """The registry process that sent them: the first that is named."""
    for item in items:
        instance = _part(item, "source").get("instanceID") if type(item) is dict else None
        if isinstance(instance, str) and instance and instance.isprintable():
            return instance[:ACTOR_MAX]
    return ""


def _is_foreign(item: dict[str, Any], hosts: tuple[str, ...]) -> bool:
    """True when the registry says it was asked as another host than those it is known by."""
    host = _part(item, "request").get("host")
    return bool(hosts) and isinstance(host, str) and host != "" and host.lower() not in hosts


def _part(item: dict[str, Any], name: str) -> Mapping[str, Any]:
    """A nested object; an empty one where it is missing or is something else."""
    value = item.get(name)
    return value if type(value) is dict else _NOTHING
