"""Platforms in a normalized spelling, and the choice of an index's entry by platform.

Users and indexes spell platforms differently. Source of the rules: containerd's `platforms` package, "Normalization".
"""

import re
from collections.abc import Iterable
from typing import Any, NamedTuple, Self

from regdex.errors import InvalidArgument

_PART = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)
_ARCHITECTURES = {
    "x86_64": "amd64",
    "x86-64": "amd64",
    "aarch64": "arm64",
    "i386": "386",
    "armhf": "arm",
    "armel": "arm",
}
_VARIANTS = {"armhf": "v7", "armel": "v6"}
# The variant that a platform without a variant has.
_DEFAULT_VARIANTS = {"arm64": "v8", "arm": "v7", "amd64": "v1"}


class Platform(NamedTuple):
    """A normalized platform. `variant` is not empty when its architecture has a default variant."""

    os: str
    architecture: str
    variant: str

    @classmethod
    def of(cls, os: str, architecture: str, variant: str) -> Self:
        os, written = os.lower(), architecture.lower()
        architecture = _ARCHITECTURES.get(written, written)
        variant = variant.lower() or _VARIANTS.get(written, "") or _DEFAULT_VARIANTS.get(architecture, "")
        return cls(os, architecture, f"v{variant}" if variant.isdecimal() else variant)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse `os/architecture[/variant]`."""
        parts = text.split("/")
        if len(parts) not in (2, 3) or not all(_PART.fullmatch(part) for part in parts):
            raise InvalidArgument("platform: must be os/architecture[/variant], such as linux/arm64/v8")
        return cls.of(parts[0], parts[1], parts[2] if len(parts) == 3 else "")


def pick(wanted: Platform, rows: Iterable[Any]) -> Any | None:
    """Return the first row of the wanted platform. Rows have `os`, `architecture` and `variant`."""
    return next((row for row in rows if Platform.of(row["os"], row["architecture"], row["variant"]) == wanted), None)
