"""Digests: `algorithm:encoded` in text, (algorithm, hash) in the database.

Source: OCI image specification, descriptor.md, "Digests".
"""

import hashlib
import re
from typing import NamedTuple, Self

from regdex.errors import InvalidArgument

ALGORITHMS = {"sha256": 1, "sha512": 2}
_NAMES = {number: name for name, number in ALGORITHMS.items()}
_PATTERN = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")


class Digest(NamedTuple):
    """A digest as the table `digest` keys it."""

    algorithm: int
    hash: bytes

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse `sha256:<64 hex>` or `sha512:<128 hex>`, lower case; anything else is InvalidArgument."""
        if not _PATTERN.fullmatch(text):
            raise InvalidArgument("a digest is sha256:<64 hexadecimal digits> or sha512:<128>, in lower case")
        name, _, encoded = text.partition(":")
        return cls(ALGORITHMS[name], bytes.fromhex(encoded))

    @classmethod
    def of(cls, content: bytes) -> Self:
        """The SHA-256 digest of `content`."""
        return cls(ALGORITHMS["sha256"], hashlib.sha256(content).digest())

    def __str__(self) -> str:
        return f"{_NAMES[self.algorithm]}:{self.hash.hex()}"


def is_digest(text: str) -> bool:
    """True for a well-formed digest of a known algorithm."""
    return _PATTERN.fullmatch(text) is not None


def hash_range(prefix: str) -> tuple[bytes, bytes]:
    """The least and the greatest hash that begins with these hexadecimal digits, of any algorithm."""
    return bytes.fromhex(prefix + "0" * (len(prefix) % 2)), bytes.fromhex(prefix.ljust(128, "f"))
