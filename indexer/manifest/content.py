"""The parsed form of a manifest: `Content` and its parts, as they are stored."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from indexer.manifest.media_types import HELM_CONFIG, IMAGE_CONFIGS
from regdex.digest import Digest
from regdex.errors import RegistryError


class Rejected(RegistryError):
    """A document that is no manifest, contradicts itself or has impossible values; `problem` says which."""


@dataclass(frozen=True, slots=True)
class Platform:
    """The platform of an image; fields that the document does not set are empty."""

    os: str = ""
    architecture: str = ""
    variant: str = ""
    os_version: str = ""

    def __str__(self) -> str:
        """`os/architecture[/variant]`; empty where unknown, as for BuildKit's attestations."""
        if not self.os or not self.architecture or self.os == "unknown":
            return ""
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer of an image, or a blob of an artifact. Diff and chain ID are known once the config has been read."""

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
        """The sum of manifest, config and layers, without the children of an index, whose sizes are added later."""
        config = self.config.size_bytes if self.config else 0
        return self.size_bytes + config + sum(layer.size_bytes for layer in self.layers)

    @property
    def wants_config(self) -> bool:
        """Whether the config has a type that is read: that of an image or a Helm chart."""
        return self.config is not None and (
            self.config.media_type in IMAGE_CONFIGS or self.config.media_type == HELM_CONFIG
        )
