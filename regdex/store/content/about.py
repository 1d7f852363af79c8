"""Descriptive fields of images (title, description, licenses, source), read from untrusted annotations and labels.

Sources: OCI image specification, "Annotations" (pre-defined keys, and the rules for label-schema.org); `description` as
Red Hat's and many other images use it.
"""

import re
import unicodedata
from collections.abc import Mapping
from typing import NamedTuple

MAX_TEXT = 256
MAX_URL = 2048
MAX_DESCRIPTION = 4000

_OCI = "org.opencontainers.image."
_LABEL_SCHEMA = "org.label-schema."
# Field → its keys, preferred first. Keys after the first are read from labels only.
_KEYS = {
    "title": (f"{_OCI}title", f"{_LABEL_SCHEMA}name"),
    "description": (f"{_OCI}description", "description", f"{_LABEL_SCHEMA}description"),
    "source_url": (f"{_OCI}source", f"{_LABEL_SCHEMA}vcs-url"),
    "url": (f"{_OCI}url", f"{_LABEL_SCHEMA}url"),
    "documentation_url": (f"{_OCI}documentation", f"{_LABEL_SCHEMA}usage"),
    "licenses": (f"{_OCI}licenses",),
    "vendor": (f"{_OCI}vendor", f"{_LABEL_SCHEMA}vendor"),
}
ANNOTATION_KEYS = tuple(keys[0] for keys in _KEYS.values())
LABEL_KEYS = tuple(key for keys in _KEYS.values() for key in keys)

# User interfaces turn these texts into links: no relative URLs, and no schemes that a browser would execute.
_is_url = re.compile(r"(?:https?|git|ssh|git\+https?|git\+ssh)://[^\s<>\"']+", re.IGNORECASE).fullmatch
_SPACES = re.compile(r"[ \t\r\n]+")
_BIDI = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class About(NamedTuple):
    """Descriptive fields; '' where the image has none."""

    title: str = ""
    description: str = ""
    source_url: str = ""
    url: str = ""
    documentation_url: str = ""
    licenses: str = ""
    vendor: str = ""


def read_about(
    annotations: Mapping[str, str],
    labels: Mapping[str, str],
    image_annotations: Mapping[str, str],
    image_labels: Mapping[str, str],
) -> About:
    """Return the fields of a manifest; for an index, `image_…` are those of its first image that has any.

    Annotations come before labels, an index before its image, and OCI keys before older ones; empty values are ignored.
    """
    found: dict[str, str] = {}
    for name, (own, *older) in _KEYS.items():
        said = [annotations.get(own), image_annotations.get(own)]
        said += [place.get(key) for key in (own, *older) for place in (labels, image_labels)]
        found[name] = next((text for each in said if each and (text := _cleaned(name, each))), "")
    return About(**found)


def _cleaned(name: str, text: str) -> str:
    if name.endswith("url"):
        url = text.strip()
        return url if len(url) <= MAX_URL and _is_url(url) and url.isprintable() else ""
    return one_line(text, MAX_DESCRIPTION if name == "description" else MAX_TEXT)


def one_line(text: str, max_length: int) -> str:
    """Return the text without control characters, on one line, cut to `max_length` characters."""
    return _SPACES.sub(" ", without_controls(text)).strip()[:max_length].rstrip()


def without_controls(text: str) -> str:
    """Return the text without terminal control characters and without marks that change the writing direction.

    Line feeds and tabs stay.
    """
    if text.isprintable() and text.isascii():
        return text
    return "".join(
        sign for sign in text if sign in "\n\t" or not (unicodedata.category(sign) in ("Cc", "Cs") or sign in _BIDI)
    )
