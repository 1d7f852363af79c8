"""What a manifest says: pure parsing of its bytes, and of its config's, into `Content`.

Bytes are hostile: everything is checked, cleaned of what PostgreSQL cannot hold, and cut where it is too much. Nothing
but `Rejected` is raised. Sources: OCI image specification (manifest, image index, config); Docker manifest schema 2.
"""

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import orjson

from regdex.digest import ALGORITHMS, Digest, is_digest
from regdex.errors import RegistryError

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_ARTIFACT = "application/vnd.oci.artifact.manifest.v1+json"  # a relic of OCI 1.1's release candidates
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
SCHEMA1_SIGNED = "application/vnd.docker.distribution.manifest.v1+prettyjws"
SCHEMA1 = "application/vnd.docker.distribution.manifest.v1+json"
MEDIA_TYPES = (OCI_INDEX, OCI_MANIFEST, DOCKER_LIST, DOCKER_MANIFEST, OCI_ARTIFACT, SCHEMA1_SIGNED, SCHEMA1)
INDEXES = frozenset({OCI_INDEX, DOCKER_LIST})
IMAGE_CONFIGS = frozenset(
    {"application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"}
)

MOST_CONFIG_BYTES = 8 * 1024 * 1024
MOST_CHILDREN = 256
MOST_LAYERS = 1024
MOST_LABELS = 256
MOST_LABEL_BYTES = 64 * 1024
MOST_STEPS = 256
LONGEST_NAME = 256
LONGEST_VALUE = 4096
MOST_BYTES = 2**63 - 1
OLDEST = datetime(1980, 1, 1, tzinfo=UTC)
NEWEST = datetime(2100, 1, 1, tzinfo=UTC)


class Rejected(RegistryError):
    """A document that is not what it says, or says what cannot be; `problem` tells which."""


@dataclass(frozen=True, slots=True)
class Platform:
    """What an image runs on; all empty where nothing is said."""

    os: str = ""
    architecture: str = ""
    variant: str = ""
    os_version: str = ""

    def __str__(self) -> str:
        """`os/architecture[/variant]`; empty where it is unknown, as of buildx' attestations."""
        if not self.os or not self.architecture or self.os == "unknown":
            return ""
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer, or a blob of an artifact. Diff and chain ID are known once the config is."""

    digest: Digest
    size_bytes: int
    media_type: str
    diff_id: Digest | None = None
    chain_id: Digest | None = None


@dataclass(frozen=True, slots=True)
class Config:
    """The descriptor of a config."""

    digest: Digest
    size_bytes: int
    media_type: str


@dataclass(frozen=True, slots=True)
class Child:
    """An entry of an index."""

    digest: Digest
    size_bytes: int
    media_type: str
    artifact_type: str = ""
    platform: Platform = Platform()
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """A manifest or an index as it is stored. `state` and `problem` are those of the table `manifest`."""

    digest: Digest
    media_type: str
    size_bytes: int
    state: str = "complete"
    problem: str = ""
    truncated: bool = False
    artifact_type: str = ""
    is_index: bool = False
    config: Config | None = None
    subject: Digest | None = None
    platform: Platform = Platform()
    created_at: datetime | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    history: tuple[Mapping[str, Any], ...] = ()
    layers: tuple[Layer, ...] = ()
    children: tuple[Child, ...] = ()

    @property
    def total_size_bytes(self) -> int:
        """Manifest, config and layers; without the children of an index, which are counted where they are known."""
        config = self.config.size_bytes if self.config else 0
        return min(self.size_bytes + config + sum(layer.size_bytes for layer in self.layers), MOST_BYTES)

    @property
    def wants_config(self) -> bool:
        """True for images: the configs of artifacts are theirs alone."""
        return self.config is not None and self.config.media_type in IMAGE_CONFIGS


def digest_as(body: bytes, asked: Digest | None) -> Digest:
    """The digest of a manifest's bytes, by the algorithm of `asked`; SHA-256 when it is another, or none is asked.

    A signed schema 1 manifest is named by the digest of its payload, without the signatures.
    """
    if asked is not None:
        if asked.algorithm == ALGORITHMS["sha512"] and hashlib.sha512(body).digest() == asked.hash:
            return asked
        if b'"signatures"' in body and (payload := _schema1_payload(body)) and Digest.of(payload) == asked:
            return asked
    return Digest.of(body)


def parse_manifest(body: bytes, digest: Digest, content_type: str = "") -> Content:
    """Parse the bytes named by `digest`. An image stays without platform, labels and diff IDs until `with_config`."""
    document = _load(body)
    if document.get("schemaVersion") == 1:
        media_type = SCHEMA1_SIGNED if "signatures" in document else SCHEMA1
        return Content(
            digest=digest, media_type=media_type, size_bytes=len(body), state="unsupported", problem="schema1"
        )
    media_type = _media_type(document, content_type)
    annotations, truncated = _labels(document.get("annotations"))
    subject = document.get("subject")
    content = Content(
        digest=digest,
        media_type=media_type,
        size_bytes=len(body),
        truncated=truncated,
        artifact_type=_text(document.get("artifactType"), LONGEST_NAME),
        annotations=annotations,
        subject=_descriptor(subject)[0] if subject is not None else None,
    )
    if media_type in INDEXES:
        return _index(content, document)
    return _manifest(content, document, "blobs" if media_type == OCI_ARTIFACT else "layers")


def with_config(content: Content, body: bytes) -> Content:
    """`content` with what its image config says: platform, created, labels, history, diff and chain IDs.

    A config that cannot be read leaves it incomplete. Environment variables are not kept: they hold secrets.
    """
    try:
        document = _load(body)
    except Rejected:
        return without_config(content, "config_malformed")
    settings = document.get("config")
    labels, labels_cut = _labels(settings.get("Labels") if isinstance(settings, dict) else None)
    history, history_cut = _history(document.get("history"))
    content = replace(
        content,
        platform=_platform(document),
        created_at=_time(document.get("created")),
        labels=labels,
        history=history,
        truncated=content.truncated or labels_cut or history_cut,
    )
    rootfs = document.get("rootfs")
    diff_ids = rootfs.get("diff_ids") if isinstance(rootfs, dict) else None
    if not diff_ids or not content.layers:
        return content
    if not isinstance(diff_ids, list) or len(diff_ids) != len(content.layers) or not all(map(_is_digest, diff_ids)):
        return without_config(content, "config_mismatch")
    layers: list[Layer] = []
    chain = ""
    for layer, diff_id in zip(content.layers, diff_ids, strict=True):
        chain = f"sha256:{hashlib.sha256(f'{chain} {diff_id}'.encode()).hexdigest()}" if chain else diff_id
        layers.append(replace(layer, diff_id=Digest.parse(diff_id), chain_id=Digest.parse(chain)))
    return replace(content, layers=tuple(layers))


def without_config(content: Content, problem: str) -> Content:
    """`content` whose config cannot be had, or not be used."""
    return replace(content, state="incomplete", problem=problem)


def _load(body: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Rejected("malformed", "not JSON") from None
    if not isinstance(document, dict):
        raise Rejected("malformed", "not an object")
    return document


def _media_type(document: dict[str, Any], content_type: str) -> str:
    """What the document is, by its shape, its own word and its Content-Type, which have to agree."""
    has_manifests = document.get("manifests") is not None
    has_blobs = any(document.get(key) is not None for key in ("layers", "config", "blobs", "fsLayers"))
    if has_manifests and has_blobs:
        raise Rejected("ambiguous", "both an image and an index")
    stated = document.get("mediaType")
    if stated is None:
        if not has_manifests and not has_blobs:
            raise Rejected("malformed", "neither an image nor an index")
    elif stated not in MEDIA_TYPES:
        raise Rejected("unsupported_media_type", "mediaType is not that of a manifest")
    elif has_blobs if stated in INDEXES else has_manifests:
        raise Rejected("ambiguous", "its mediaType does not fit its content")
    media_type: str = stated or (OCI_INDEX if has_manifests else OCI_MANIFEST)
    if content_type in MEDIA_TYPES and (
        content_type != media_type if stated else (content_type in INDEXES) is not has_manifests
    ):
        raise Rejected("media_type_mismatch", "Content-Type is not its mediaType")
    return media_type


def _index(content: Content, document: dict[str, Any]) -> Content:
    entries = document.get("manifests")
    if not isinstance(entries, list | None):
        raise Rejected("malformed", "manifests is not a list")
    children: dict[Digest, Child] = {}
    truncated = content.truncated
    for entry in (entries or [])[:MOST_CHILDREN]:
        digest, size_bytes, media_type = _descriptor(entry)
        annotations, cut = _labels(entry.get("annotations"))
        platform = entry.get("platform")
        children[digest] = Child(
            digest,
            size_bytes,
            media_type,
            _text(entry.get("artifactType"), LONGEST_NAME),
            _platform(platform) if isinstance(platform, dict) else Platform(),
            annotations,
        )
        truncated |= cut
    truncated |= len(entries or []) > MOST_CHILDREN
    return replace(content, is_index=True, children=tuple(children.values()), truncated=truncated)


def _manifest(content: Content, document: dict[str, Any], key: str) -> Content:
    entries = document.get(key)
    if not isinstance(entries, list | None):
        raise Rejected("malformed", f"{key} is not a list")
    entries = entries or []
    layers = tuple(Layer(*_descriptor(entry)) for entry in entries[:MOST_LAYERS])
    config = Config(*_descriptor(document["config"])) if document.get("config") is not None else None
    if config is None and content.media_type != OCI_ARTIFACT:
        raise Rejected("malformed", "an image without config")
    artifact_type = content.artifact_type
    if not artifact_type and config is not None and config.media_type not in IMAGE_CONFIGS:
        artifact_type = config.media_type
    return replace(
        content,
        layers=layers,
        config=config,
        artifact_type=artifact_type,
        truncated=content.truncated or len(entries) > MOST_LAYERS,
    )


def _descriptor(value: Any) -> tuple[Digest, int, str]:
    if not isinstance(value, dict):
        raise Rejected("bad_descriptor", "not an object")
    digest, size = value.get("digest"), value.get("size")
    if not isinstance(digest, str) or not is_digest(digest):
        raise Rejected("bad_descriptor", "not a digest that we know")
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= MOST_BYTES:
        raise Rejected("bad_descriptor", "not a size")
    return Digest.parse(digest), size, _text(value.get("mediaType"), LONGEST_NAME)


def _is_digest(value: Any) -> bool:
    return isinstance(value, str) and is_digest(value)


def _platform(value: dict[str, Any]) -> Platform:
    parts = (_text(value.get(key), 64) for key in ("os", "architecture", "variant", "os.version"))
    return Platform(*parts)


def _labels(value: Any) -> tuple[dict[str, str], bool]:
    """Pairs of text, cut to so many and so much; True when something was cut."""
    if not isinstance(value, dict):
        return {}, False
    labels: dict[str, str] = {}
    left, truncated = MOST_LABEL_BYTES, False
    for name, text in value.items():
        if not isinstance(text, str):
            continue
        if len(labels) >= MOST_LABELS or left <= 0:
            return labels, True
        short_name, short_text = _text(name, LONGEST_NAME), _text(text, LONGEST_VALUE)
        truncated |= len(name) > LONGEST_NAME or len(text) > LONGEST_VALUE
        left -= len(short_name.encode()) + len(short_text.encode())
        labels[short_name] = short_text
    return labels, truncated


def _history(value: Any) -> tuple[tuple[dict[str, Any], ...], bool]:
    if not isinstance(value, list):
        return (), False
    steps = []
    for step in value[:MOST_STEPS]:
        if isinstance(step, dict):
            created_at = _time(step.get("created"))
            steps.append(
                {
                    "created_at": created_at.isoformat() if created_at else None,
                    "created_by": _text(step.get("created_by"), LONGEST_VALUE),
                    "comment": _text(step.get("comment"), LONGEST_NAME),
                    "empty_layer": step.get("empty_layer") is True,
                }
            )
    return tuple(steps), len(value) > MOST_STEPS


def _text(value: Any, longest: int) -> str:
    """Text without what PostgreSQL cannot store, cut to `longest` characters; empty for what is no text."""
    return value[:longest].replace("\x00", "") if isinstance(value, str) else ""


def _time(value: Any) -> datetime | None:
    """RFC 3339; None for what cannot be true. Reproducible builds say 1970, broken ones the year 1."""
    if not isinstance(value, str) or len(value) > 64:
        return None
    try:
        at = datetime.fromisoformat(value)
        at = at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return at if OLDEST <= at < NEWEST else None


def _schema1_payload(body: bytes) -> bytes | None:
    """What the digest of a signed schema 1 manifest is of. Source: Docker image manifest, schema 1."""
    try:
        protected = orjson.loads(body)["signatures"][0]["protected"]
        header = orjson.loads(_unpadded(protected))
        length, tail = header["formatLength"], _unpadded(header["formatTail"])
    except (orjson.JSONDecodeError, KeyError, IndexError, TypeError, ValueError):
        return None
    return body[:length] + tail if isinstance(length, int) and 0 <= length <= len(body) else None


def _unpadded(value: str) -> bytes:
    return base64.urlsafe_b64decode(re.sub(r"=*$", "", value) + "=" * (-len(value) % 4))
