"""Digests: `algorithm:encoded` in text, (algorithm, hash) in the database, and the forms in which people paste it.

Source: OCI image specification, descriptor.md, "Digests".
"""

import hashlib
import re
from typing import NamedTuple, Self

from regdex.errors import InvalidArgument

ALGORITHMS = {"sha256": 1, "sha512": 2}
MAX_PASTED = 1024

_NAMES = {number: name for name, number in ALGORITHMS.items()}
_LENGTHS = {"sha256": 64, "sha512": 128}
_PATTERN = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")
# An optional scheme (`docker-pullable://`, `docker://`, `oci://`), an optional name and `@`, a digest or its beginning.
_PASTED = re.compile(
    r"(?:[a-z][a-z0-9+.-]*://)?(?:(?P<name>\S*)@)?(?:(?P<algorithm>sha256|sha512):)?(?P<digits>[0-9a-f]*)"
)


class Digest(NamedTuple):
    """A digest in the form of the key of table `digest`."""

    algorithm: int
    hash: bytes

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse `sha256:<64 hex>` or `sha512:<128 hex>`, lower case. Raise InvalidArgument for anything else."""
        if not _PATTERN.fullmatch(text):
            raise InvalidArgument("a digest is sha256:<64 hex digits> or sha512:<128 hex digits>")
        name, _, encoded = text.partition(":")
        return cls(ALGORITHMS[name], bytes.fromhex(encoded))

    @classmethod
    def of(cls, content: bytes) -> Self:
        """Return the SHA-256 digest of `content`."""
        return cls(ALGORITHMS["sha256"], hashlib.sha256(content).digest())

    def fits(self, content: bytes) -> bool:
        """Return whether this is the digest of `content`."""
        return hashlib.new(_NAMES[self.algorithm], content).digest() == self.hash

    def __str__(self) -> str:
        return f"{_NAMES[self.algorithm]}:{self.hash.hex()}"


class Pasted(NamedTuple):
    """A pasted digest or the beginning of one. `algorithm` is empty if the text names none."""

    algorithm: str
    digits: str

    @property
    def digest(self) -> Digest | None:
        """Return the digest; None if the text has only its beginning. 64 digits without algorithm are a SHA-256."""
        for name, length in _LENGTHS.items():
            if self.algorithm in ("", name) and len(self.digits) == length:
                return Digest(ALGORITHMS[name], bytes.fromhex(self.digits))
        return None

    @property
    def algorithm_number(self) -> int | None:
        """Return the algorithm's number in table `digest`; None if the text names none."""
        return ALGORITHMS[self.algorithm] if self.algorithm else None

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.digits}" if self.algorithm else self.digits


def read_pasted(text: str) -> Pasted | None:
    """Read a digest or its beginning in the forms that tools print. Return None if `text` is none.

    Accepted are `sha256:…`, `name:tag@sha256:…`, `docker-pullable://name@sha256:…`, `docker://sha256:…` (imageID of a
    Kubernetes pod), and hexadecimal digits alone (`docker images`), in upper or lower case. The number of digits may be
    anything from none up to the algorithm's length; the caller checks the minimum.
    """
    match = _PASTED.fullmatch(text.strip().lower()) if len(text) <= MAX_PASTED else None
    if match is None:
        return None
    name, algorithm, digits = match["name"], match["algorithm"] or "", match["digits"]
    if len(digits) > _LENGTHS.get(algorithm, 128) or (not algorithm and (name is not None or not digits)):
        return None
    return Pasted(algorithm, digits)


def parse_pasted(text: str) -> Digest:
    """Parse a full digest in any form of `read_pasted`. Raise InvalidArgument for anything else."""
    pasted = read_pasted(text)
    digest = pasted.digest if pasted else None
    if digest is None:
        raise InvalidArgument("a digest is sha256:<64 hex digits>, name@sha256:… or an image ID")
    return digest


def is_digest(text: str) -> bool:
    """Return whether `text` is a well-formed digest of a known algorithm."""
    return _PATTERN.fullmatch(text) is not None


def hash_range(prefix: str) -> tuple[bytes, bytes]:
    """Return the lowest and the highest hash, of any algorithm, that begin with these hexadecimal digits."""
    return bytes.fromhex(prefix + "0" * (len(prefix) % 2)), bytes.fromhex(prefix.ljust(128, "f"))
