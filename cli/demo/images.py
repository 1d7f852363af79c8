"""Generated images: real layers, configs, manifests and indexes. The same arguments give the same bytes."""

import gzip
import hashlib
import io
import random
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import orjson

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
EMPTY = "application/vnd.oci.empty.v1+json"


def digest_of(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


@dataclass(frozen=True, slots=True)
class Layer:
    """`diff_id` is the digest of the uncompressed archive, `command` the build step that made it."""

    content: bytes
    diff_id: str
    command: str


@dataclass(frozen=True, slots=True)
class Platform:
    architecture: str
    os: str = "linux"
    variant: str = ""

    def as_json(self) -> dict[str, str]:
        found = {"architecture": self.architecture, "os": self.os, "variant": self.variant}
        return {key: value for key, value in found.items() if value}


@dataclass(frozen=True, slots=True)
class Document:
    """A manifest or an index as it is pushed: `blobs` first, then `children`, then `content`."""

    media_type: str
    content: bytes
    blobs: tuple[bytes, ...] = ()
    children: tuple["Document", ...] = field(default=())

    @property
    def digest(self) -> str:
        return digest_of(self.content)

    def descriptor(self) -> dict[str, object]:
        return {"mediaType": self.media_type, "digest": self.digest, "size": len(self.content)}


def make_layer(path: str, size_bytes: int, command: str) -> Layer:
    """Make a layer with one incompressible file of `size_bytes`. `path` is its name and the seed of its content."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        entry = tarfile.TarInfo(path)
        entry.size, entry.mode = size_bytes, 0o644
        tar.addfile(entry, io.BytesIO(random.Random(path).randbytes(size_bytes)))  # noqa: S311
    content = archive.getvalue()
    return Layer(gzip.compress(content, 6, mtime=0), digest_of(content), command)


def make_image(
    layers: Sequence[Layer], platform: Platform, *, created: datetime, labels: Mapping[str, str], docker: bool = False
) -> Document:
    """Make an image manifest with its config. `docker` selects Docker's media types."""
    at = created.strftime("%Y-%m-%dT%H:%M:%SZ")
    config = orjson.dumps(
        {
            "created": at,
            **platform.as_json(),
            "config": {
                "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TZ=Asia/Shanghai"],
                "Entrypoint": ["/app/run"],
                "WorkingDir": "/app",
                "User": "10001",
                "Labels": dict(labels),
            },
            "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
            "history": [
                *({"created": at, "created_by": layer.command} for layer in layers),
                {"created": at, "created_by": 'ENTRYPOINT ["/app/run"]', "empty_layer": True},
            ],
        }
    )
    manifest_type, config_type, layer_type = (
        (DOCKER_MANIFEST, DOCKER_CONFIG, DOCKER_LAYER) if docker else (MANIFEST, CONFIG, LAYER)
    )
    content = {
        "schemaVersion": 2,
        "mediaType": manifest_type,
        "config": {"mediaType": config_type, "digest": digest_of(config), "size": len(config)},
        "layers": [
            {"mediaType": layer_type, "digest": digest_of(layer.content), "size": len(layer.content)}
            for layer in layers
        ],
    }
    return Document(manifest_type, orjson.dumps(content), (config, *(layer.content for layer in layers)))


def make_index(
    images: Sequence[tuple[Platform, Document]], *, annotations: Mapping[str, str], docker: bool = False
) -> Document:
    """Make an index of images by platform. Docker's lists cannot have annotations."""
    media_type = DOCKER_LIST if docker else INDEX
    content: dict[str, object] = {
        "schemaVersion": 2,
        "mediaType": media_type,
        "manifests": [{**image.descriptor(), "platform": platform.as_json()} for platform, image in images],
    }
    if not docker:
        content["annotations"] = dict(annotations)
    return Document(media_type, orjson.dumps(content), children=tuple(image for _, image in images))


def make_referrer(subject: Document, artifact_type: str, layer_type: str, layer: bytes, created: datetime) -> Document:
    """Make an artifact that refers to `subject`, such as a signature or an SBOM."""
    empty = b"{}"
    content = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "artifactType": artifact_type,
        "config": {"mediaType": EMPTY, "digest": digest_of(empty), "size": len(empty)},
        "layers": [{"mediaType": layer_type, "digest": digest_of(layer), "size": len(layer)}],
        "subject": subject.descriptor(),
        "annotations": {"org.opencontainers.image.created": created.strftime("%Y-%m-%dT%H:%M:%SZ")},
    }
    return Document(MANIFEST, orjson.dumps(content), (empty, layer))
