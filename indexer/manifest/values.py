"""Reads values of manifests and configs, which come from registries and may be hostile: checks and cuts them.

NUL, which PostgreSQL cannot store, is removed from text; numbers, texts and maps are bounded. Raises only `Rejected`.
"""

from datetime import UTC, datetime
from typing import Any, NamedTuple

import orjson

from indexer.manifest.content import Platform, Rejected
from regdex.digest import Digest, is_digest

# 1 PiB. 1,024 layers of this size still fit into a bigint.
MAX_BYTES = 2**50
MAX_STATED_BYTES = 2**63 - 1
MAX_LABELS = 256
MAX_LABEL_BYTES = 64 * 1024
MAX_NAME = 256
MAX_VALUE = 4096
# Reproducible builds set 1970 or 1980, broken ones the year 1; neither is the time of the build.
OLDEST = datetime(1990, 1, 1, tzinfo=UTC)
NEWEST = datetime(2100, 1, 1, tzinfo=UTC)


class Descriptor(NamedTuple):
    """The required fields of a descriptor; with `is_cut` the stated size was larger than `MAX_BYTES`."""

    digest: Digest
    size_bytes: int
    media_type: str
    is_cut: bool


def read_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object in `body`; Rejected for anything else."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Rejected("malformed", "not JSON") from None
    if not isinstance(document, dict):
        raise Rejected("malformed", "not an object")
    return document


def read_descriptor(value: Any) -> Descriptor:
    """Return digest, size and media type of a descriptor; Rejected where digest or size are missing or impossible."""
    if not isinstance(value, dict):
        raise Rejected("bad_descriptor", "not an object")
    digest, size = value.get("digest"), value.get("size")
    if not isinstance(digest, str) or not is_digest(digest):
        raise Rejected("bad_descriptor", "not a digest of a known algorithm")
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= MAX_STATED_BYTES:
        raise Rejected("bad_descriptor", "not a size")
    media_type = read_text(value.get("mediaType"), MAX_NAME)
    return Descriptor(Digest.parse(digest), min(size, MAX_BYTES), media_type, size > MAX_BYTES)


def read_text(value: Any, max_length: int) -> str:
    """Return text without NUL, cut to `max_length` characters; empty for anything that is not text."""
    return value[:max_length].replace("\x00", "") if isinstance(value, str) else ""


def read_labels(value: Any) -> tuple[dict[str, str], bool]:
    """Return pairs of text, bounded in number and bytes, and whether something was cut; other values are left out."""
    if not isinstance(value, dict):
        return {}, False
    labels: dict[str, str] = {}
    left, truncated = MAX_LABEL_BYTES, False
    for name, text in value.items():
        if not isinstance(text, str):
            continue
        if len(labels) >= MAX_LABELS or left <= 0:
            return labels, True
        short_name, short_text = read_text(name, MAX_NAME), read_text(text, MAX_VALUE)
        truncated |= len(name) > MAX_NAME or len(text) > MAX_VALUE
        left -= len(short_name.encode()) + len(short_text.encode())
        labels[short_name] = short_text
    return labels, truncated


def read_platform(value: Any) -> Platform:
    """Return the platform in a descriptor or an image config; `unknown/unknown` where either part is unknown."""
    if not isinstance(value, dict):
        return Platform()
    parts = [read_text(value.get(key), 64) for key in ("os", "architecture", "variant", "os.version")]
    if "unknown" in (parts[0].lower(), parts[1].lower()):
        return Platform("unknown", "unknown")
    return Platform(*parts)


def read_time(value: Any) -> datetime | None:
    """Read a time in RFC 3339 as UTC; None for anything else, and for times that are not between 1990 and 2100."""
    if not isinstance(value, str) or len(value) > 64:
        return None
    try:
        at = datetime.fromisoformat(value.upper())
        at = at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return at if OLDEST <= at < NEWEST else None
