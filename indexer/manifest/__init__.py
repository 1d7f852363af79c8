"""Parses the bytes of manifests, indexes and configs into `Content`; no I/O."""

from indexer.manifest.configs import MAX_CONFIG_BYTES, with_config, without_config
from indexer.manifest.content import Child, Config, Content, Layer, Platform, Rejected
from indexer.manifest.media_types import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    MEDIA_TYPES,
    OCI_ARTIFACT,
    OCI_INDEX,
    OCI_MANIFEST,
    SCHEMA1,
    SCHEMA1_SIGNED,
)
from indexer.manifest.parsing import MAX_CHILDREN, looks_like_manifest, parse_manifest

__all__ = [
    "DOCKER_LIST",
    "DOCKER_MANIFEST",
    "MAX_CHILDREN",
    "MAX_CONFIG_BYTES",
    "MEDIA_TYPES",
    "OCI_ARTIFACT",
    "OCI_INDEX",
    "OCI_MANIFEST",
    "SCHEMA1",
    "SCHEMA1_SIGNED",
    "Child",
    "Config",
    "Content",
    "Layer",
    "Platform",
    "Rejected",
    "looks_like_manifest",
    "parse_manifest",
    "with_config",
    "without_config",
]
