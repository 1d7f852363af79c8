"""Picking one entry of an index by platform.

Source: containerd's `platforms` package ("Normalization"): what people write and what indexes say differ in spelling.
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
# The variant that is meant where none is given, and that is the same as none.
_DEFAULT_VARIANTS = {"arm64": "v8", "arm": "v7", "amd64": "v1"}


class Platform(NamedTuple):
    """A platform in one spelling; `variant` is never empty where the architecture has a default one."""

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
            raise InvalidArgument("platform: is os/architecture[/variant], such as linux/arm64/v8")
        return cls.of(parts[0], parts[1], parts[2] if len(parts) == 3 else "")


def pick(wanted: Platform, rows: Iterable[Any]) -> Any | None:
    """The first row of that platform; rows have os, architecture and variant."""
    return next((row for row in rows if Platform.of(row["os"], row["architecture"], row["variant"]) == wanted), None)
