"""Adds the config to its manifest: platform, times, labels and layer IDs of an image, metadata of a Helm chart.

Sources: OCI image specification, "Image Configuration"; Helm, "Charts" (Chart.yaml, which the config is as JSON).
"""

import hashlib
from dataclasses import replace
from typing import Any

from indexer.manifest.content import Content, Layer, Rejected
from indexer.manifest.media_types import HELM_CONFIG
from indexer.manifest.values import (
    MAX_NAME,
    MAX_VALUE,
    read_labels,
    read_object,
    read_platform,
    read_text,
    read_time,
)
from regdex.digest import Digest, is_digest

MAX_CONFIG_BYTES = 8 * 1024 * 1024
MAX_STEPS = 256

# Field of a chart → the label under which it is stored, so that it is read like a label of an image.
_CHART_LABELS = {
    "name": "org.opencontainers.image.title",
    "version": "org.opencontainers.image.version",
    "description": "org.opencontainers.image.description",
    "home": "org.opencontainers.image.url",
    "appVersion": "appVersion",
}


def with_config(content: Content, body: bytes) -> Content:
    """Return `content` with the values of its config; state `incomplete` where the config is malformed or does not fit.

    Environment variables of images are not kept, because people put secrets into them.
    """
    try:
        document = read_object(body)
    except Rejected:
        return without_config(content, "config_malformed")
    if content.config is not None and content.config.media_type == HELM_CONFIG:
        return _with_chart(content, document)
    return _with_image(content, document)


def without_config(content: Content, problem: str) -> Content:
    """Return `content` in state `incomplete`, because its config cannot be read or used."""
    return replace(content, state="incomplete", problem=problem)


def _with_chart(content: Content, document: dict[str, Any]) -> Content:
    labels, truncated = read_labels({label: document.get(name) for name, label in _CHART_LABELS.items()})
    kept = {label: text for label, text in labels.items() if text}
    return replace(content, labels=kept, truncated=content.truncated or truncated)


def _with_image(content: Content, document: dict[str, Any]) -> Content:
    settings = document.get("config")
    labels, labels_cut = read_labels(settings.get("Labels") if isinstance(settings, dict) else None)
    history, history_cut = _history(document.get("history"))
    content = replace(
        content,
        platform=read_platform(document),
        created_at=read_time(document.get("created")) or content.created_at,
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


def _is_digest(value: Any) -> bool:
    return isinstance(value, str) and is_digest(value)


def _history(value: Any) -> tuple[tuple[dict[str, Any], ...], bool]:
    """Return build steps; True when some were left out."""
    if not isinstance(value, list):
        return (), False
    steps = []
    for step in value[:MAX_STEPS]:
        if isinstance(step, dict):
            created_at = read_time(step.get("created"))
            steps.append(
                {
                    "created_at": created_at.isoformat() if created_at else None,
                    "created_by": read_text(step.get("created_by"), MAX_VALUE),
                    "comment": read_text(step.get("comment"), MAX_NAME),
                    "empty_layer": step.get("empty_layer") is True,
                }
            )
    return tuple(steps), len(value) > MAX_STEPS
