"""Parses the bytes of a manifest or an index into `Content`.

The whole of the hashed bytes is parsed. The shape of the document and its own `mediaType` decide its type.
Sources: OCI image specification (manifest, image index); Docker manifest schema 2.
"""

from dataclasses import replace
from typing import Any

from indexer.manifest.content import Child, Config, Content, Layer, Rejected
from indexer.manifest.media_types import (
    IMAGE_CONFIGS,
    INDEXES,
    MEDIA_TYPES,
    OCI_ARTIFACT,
    OCI_INDEX,
    OCI_MANIFEST,
    SCHEMA1,
    SCHEMA1_SIGNED,
    SCHEMA1_TYPES,
)
from indexer.manifest.values import (
    MAX_NAME,
    read_descriptor,
    read_labels,
    read_object,
    read_platform,
    read_text,
    read_time,
)
from regdex.digest import Digest

MAX_CHILDREN = 256
MAX_LAYERS = 1024

_CREATED = "org.opencontainers.image.created"
_BLOB_KEYS = ("layers", "config", "blobs", "fsLayers")


def looks_like_manifest(body: bytes) -> bool:
    """Return whether `body` has the shape of a manifest; for answers without the Content-Type of one."""
    try:
        document = read_object(body)
    except Rejected:
        return False
    return (
        document.get("mediaType") in MEDIA_TYPES
        or isinstance(document.get("manifests"), list)
        or isinstance(document.get("config"), dict)
        or _is_schema1(document)
    )


def parse_manifest(body: bytes, digest: Digest, content_type: str = "") -> Content:
    """Parse `body`, whose digest is `digest`; `with_config` adds the config. Rejected where it is no valid manifest.

    `content_type` matters only where it contradicts the shape: an image sent as an index is rejected, and an index
    sent as an image. Every other Content-Type, or none, is ignored. Docker schema 1 is recorded as unsupported.
    """
    document = read_object(body)
    media_type = _media_type(document)
    is_index = media_type in INDEXES
    if content_type in MEDIA_TYPES and (content_type in INDEXES) is not is_index:
        raise Rejected("media_type_mismatch", "its Content-Type does not fit its content")
    if media_type in SCHEMA1_TYPES:
        return Content(
            digest=digest, media_type=media_type, size_bytes=len(body), state="unsupported", problem="schema1"
        )
    annotations, truncated = read_labels(document.get("annotations"))
    subject = document.get("subject")
    content = Content(
        digest=digest,
        media_type=media_type,
        size_bytes=len(body),
        truncated=truncated,
        artifact_type=read_text(document.get("artifactType"), MAX_NAME),
        annotations=annotations,
        created_at=read_time(annotations.get(_CREATED)),
        subject=read_descriptor(subject).digest if subject is not None else None,
    )
    if is_index:
        return _index(content, document)
    return _manifest(content, document, "blobs" if media_type == OCI_ARTIFACT else "layers")


def _media_type(document: dict[str, Any]) -> str:
    """Return the document's own media type, or one by its shape; Rejected where the two do not agree."""
    has_manifests = document.get("manifests") is not None
    has_blobs = any(document.get(key) is not None for key in _BLOB_KEYS)
    stated = document.get("mediaType") or None
    if stated is not None and stated not in MEDIA_TYPES:
        raise Rejected("unsupported_media_type", "mediaType is not that of a manifest")
    if has_manifests and has_blobs:
        raise Rejected("ambiguous", "both an image and an index")
    if stated is not None and (has_blobs if stated in INDEXES else has_manifests):
        raise Rejected("ambiguous", "its mediaType does not fit its content")
    if _is_schema1(document):
        return SCHEMA1_SIGNED if "signatures" in document else SCHEMA1
    if stated is not None:
        return str(stated)
    if not has_manifests and not has_blobs:
        raise Rejected("malformed", "neither an image nor an index")
    return OCI_INDEX if has_manifests else OCI_MANIFEST


def _is_schema1(document: dict[str, Any]) -> bool:
    stated = document.get("mediaType")
    if stated in MEDIA_TYPES:
        return stated in SCHEMA1_TYPES
    has_schema2 = any(document.get(key) is not None for key in ("config", "manifests", "blobs"))
    return document.get("schemaVersion") == 1 and not has_schema2


def _index(content: Content, document: dict[str, Any]) -> Content:
    entries = document.get("manifests")
    if not isinstance(entries, list | None):
        raise Rejected("malformed", "manifests is not a list")
    children: dict[Digest, Child] = {}
    truncated = content.truncated
    for entry in (entries or [])[:MAX_CHILDREN]:
        digest, size_bytes, media_type, is_cut = read_descriptor(entry)
        annotations, are_cut = read_labels(entry.get("annotations"))
        children[digest] = Child(
            digest,
            size_bytes,
            media_type,
            read_text(entry.get("artifactType"), MAX_NAME),
            read_platform(entry.get("platform")),
            annotations,
        )
        truncated |= is_cut or are_cut
    truncated |= len(entries or []) > MAX_CHILDREN
    return replace(content, is_index=True, children=tuple(children.values()), truncated=truncated)


def _manifest(content: Content, document: dict[str, Any], key: str) -> Content:
    entries = document.get(key)
    if not isinstance(entries, list | None):
        raise Rejected("malformed", f"{key} is not a list")
    entries = entries or []
    blobs = [read_descriptor(entry) for entry in entries[:MAX_LAYERS]]
    config = read_descriptor(document["config"]) if document.get("config") is not None else None
    if config is None and content.media_type != OCI_ARTIFACT:
        raise Rejected("malformed", "an image without config")
    artifact_type = content.artifact_type
    if not artifact_type and config is not None and config.media_type not in IMAGE_CONFIGS:
        artifact_type = config.media_type
    is_cut = len(entries) > MAX_LAYERS or any(blob.is_cut for blob in (*blobs, *([config] if config else [])))
    return replace(
        content,
        layers=tuple(Layer(*blob[:3]) for blob in blobs),
        config=Config(*config[:3]) if config else None,
        artifact_type=artifact_type,
        truncated=content.truncated or is_cut,
    )
