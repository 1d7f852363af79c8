"""The kind for CNCF Distribution 2.8 and 3.

Its events are `application/vnd.docker.distribution.events.v1+json` and `v2+json`; one envelope may have unrelated ones.
Events of blobs are ignored. Both GET and HEAD of a manifest send an event. Source: distribution documentation, "Work
with notifications", and its `notifications` package.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, ClassVar

from indexer.kinds.kind import Capabilities, Delivery, Kind
from indexer.kinds.reading import ACTOR_MAX, read_address, read_json, read_text, read_time, read_user_agent
from regdex.digest import is_digest
from regdex.errors import InvalidArgument, Undecodable
from regdex.events import (
    Decoded,
    Event,
    ManifestDeleted,
    ManifestPulled,
    ManifestPushed,
    RegistryEvent,
    RepositoryDeleted,
    TagDeleted,
    event_key,
    position_of,
)
from regdex.reference import check_repository, check_tag

_NOTHING: Mapping[str, Any] = {}
_names_manifest = re.compile(r"[./](?:manifest|index)\b").search
_is_part = re.compile(r"[./+](?:config|layer|rootfs|tar|gzip|zip|empty|content|prov)\b|container\.image\.v1").search
# The media type of content that a registry does not inspect.
_UNKNOWN = "application/octet-stream"


class Distribution(Kind):
    """The registry of the CNCF project, and other registries that send the same events."""

    name: ClassVar[str] = "distribution"
    capabilities: ClassVar[Capabilities] = Capabilities(
        reports_pushes=True,
        reports_tag_moves=True,
        reports_tag_deletes=True,
        reports_pulls=True,
        retries_deliveries=True,
    )

    def decode(self, delivery: Delivery) -> Decoded:
        envelope = read_json(delivery.body)
        if not isinstance(envelope, dict) or "events" not in envelope:
            raise Undecodable("not a Distribution envelope: an object with `events`")
        items = [] if envelope["events"] is None else envelope["events"]
        if not isinstance(items, list):
            raise Undecodable("not a Distribution envelope: `events` is not a list")
        events: list[Event] = []
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

    def snippet(self, url: str, secret: str) -> str:
        """Return YAML for `config.yml`: one endpoint, without events of blobs.

        Source: distribution documentation, "Configuration", `notifications`.
        """
        return f"""\
notifications:
  endpoints:
    - name: regdex
      url: {json.dumps(url, ensure_ascii=False)}
      headers:
        Authorization: [{json.dumps("Bearer " + secret, ensure_ascii=False)}]
      timeout: 1s
      threshold: 10
      backoff: 1s
      ignore:
        mediatypes: [application/octet-stream]
"""


def _translate(delivery: Delivery, ordinal: int, item: Any) -> RegistryEvent | None:
    """Translate one item to an event; None when it is ignored, InvalidArgument when it cannot be used."""
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
    origin = _origin(delivery, ordinal, item, repository, tag, digest)
    if action == "push":
        media_type = read_text(target.get("mediaType"), "target.mediaType").partition(";")[0].strip()
        return ManifestPushed(
            **origin,
            repository=repository,
            digest=digest,
            tag=tag,
            media_type=media_type,
        )
    request = _part(item, "request")
    return ManifestPulled(
        **origin,
        repository=repository,
        digest=digest,
        tag=tag,
        is_head=request.get("method") in ("HEAD", "head"),
        address=read_address(read_text(request.get("addr"), "request.addr")),
        user_agent=read_user_agent(request.get("useragent"), "request.useragent"),
    )


def _translate_delete(
    delivery: Delivery, ordinal: int, item: dict[str, Any], target: dict[str, Any]
) -> RegistryEvent | None:
    """Translate a delete of a tag if it names one, else of a manifest if it names a digest, else of the repository."""
    if _is_blob(target):
        return None
    repository, tag, digest = _names(target)
    origin = _origin(delivery, ordinal, item, repository, tag, digest)
    if tag:
        return TagDeleted(**origin, repository=repository, tag=tag)
    if digest:
        return ManifestDeleted(**origin, repository=repository, digest=digest)
    return RepositoryDeleted(**origin, repository=repository)


def _is_manifest(target: dict[str, Any]) -> bool:
    """Return whether the target is a manifest, by the path of its url, then by its media type.

    The media type of a layer or config is never a manifest. Where url and media type decide nothing, a target with a
    tag or references is a manifest, because blobs have neither.
    """
    collection, media_type = _collection(target), _media_type(target)
    if collection == "blobs" or _names_part(media_type):
        return False
    if collection == "manifests" or _names_manifest(media_type):
        return True
    return media_type != _UNKNOWN and bool(target.get("tag") or target.get("references"))


def _is_blob(target: dict[str, Any]) -> bool:
    """Return whether a delete is of a blob; deletes have a url or a media type only if a proxy added them."""
    if collection := _collection(target):
        return collection == "blobs"
    media_type = _media_type(target)
    return media_type == _UNKNOWN or _names_part(media_type)


def _media_type(target: dict[str, Any]) -> str:
    """Return the media type without parameters, in lower case; empty where there is none."""
    value = target.get("mediaType")
    return value.partition(";")[0].strip().lower() if isinstance(value, str) else ""


def _names_part(media_type: str) -> bool:
    """Return whether this is the media type of a layer, a config or another part of an image."""
    return not _names_manifest(media_type) and _is_part(media_type) is not None


def _collection(target: dict[str, Any]) -> str:
    """Return `manifests` or `blobs` from a url that ends in `/manifests/<digest>` or `/blobs/<digest>`; else empty."""
    url = target.get("url")
    if not isinstance(url, str):
        return ""
    parts = url.partition("?")[0].rsplit("/", 2)
    return parts[1] if len(parts) == 3 and parts[1] in ("manifests", "blobs") else ""


def _names(target: dict[str, Any]) -> tuple[str, str, str]:
    """Return repository, tag and digest, each valid; tag and digest may be empty. InvalidArgument otherwise."""
    repository, tag, digest = target.get("repository") or "", target.get("tag") or "", target.get("digest") or ""
    if not (type(repository) is type(tag) is type(digest) is str):
        raise InvalidArgument("target.repository, target.tag or target.digest is not text")
    check_repository(repository)
    if digest and not is_digest(digest):
        raise InvalidArgument("target.digest is not sha256:<64 hexadecimal digits> or sha512:<128>, in lower case")
    if ":" in tag and is_digest(tag):  # the request named a digest
        tag = ""
    elif tag:
        check_tag(tag)
    return repository, tag, digest


def _origin(
    delivery: Delivery, ordinal: int, item: dict[str, Any], repository: str, tag: str, digest: str
) -> dict[str, Any]:
    """Return the fields that all events share. The key comes from the sender's id, else from all identifying fields.

    The key of an event with neither id nor time comes from its place in its delivery.
    """
    told = read_time(item.get("timestamp"), delivery.received_at)
    actor = read_text(_part(item, "actor").get("name"), "actor.name")[:ACTOR_MAX]
    if (id := item.get("id")) and type(id) is str:
        key = event_key(delivery.registry, "distribution", id)
    elif told is None:
        key = event_key(delivery.registry, "delivery", str(delivery.id), str(ordinal))
    else:
        request = _part(item, "request")
        said = (str(item["action"]), str(request.get("method")), str(request.get("addr")))
        key = event_key(delivery.registry, repository, tag, digest, told.at.isoformat(), actor, *said)
    return {
        "received_at": delivery.received_at,
        "told_at": told.at if told else None,
        "told_nanos": told.nanos if told else 0,
        "position": position_of(delivery.id, ordinal),
        "key": key,
        "actor": actor,
    }


def _instance(items: list[Any]) -> str:
    """Return the id of the registry process that sent the events: the first one named."""
    for item in items:
        instance = _part(item, "source").get("instanceID") if type(item) is dict else None
        if isinstance(instance, str) and instance and instance.isprintable():
            return instance[:ACTOR_MAX]
    return ""


def _is_foreign(item: dict[str, Any], hosts: tuple[str, ...]) -> bool:
    """Return whether the host in the event's request is none of the registry's hosts."""
    host = _part(item, "request").get("host")
    return bool(hosts) and isinstance(host, str) and host != "" and host.lower() not in hosts


def _part(item: dict[str, Any], name: str) -> Mapping[str, Any]:
    """Return a nested object; an empty one where it is missing or of another type."""
    value = item.get(name)
    return value if type(value) is dict else _NOTHING
