"""Verifies that a delivery comes from a registry: by a secret in a header, a signature of the body, or a secret path.

All comparisons take constant time.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from aiohttp import hdrs
from multidict import CIMultiDict, CIMultiDictProxy


@dataclass(frozen=True, slots=True)
class Presented:
    """The proof of a sender: headers, the body as it was sent (empty before it is read), and the rest of the path."""

    headers: "CIMultiDictProxy[str] | CIMultiDict[str]"
    body: bytes = b""
    path_secret: str = ""


def has_secret_header(presented: Presented, secrets: Sequence[bytes]) -> bool:
    """Return whether there is exactly one `Authorization` header, and it has one of `secrets`.

    `Bearer <secret>`, the bare secret, or Basic with the secret as the password and any user name.
    """
    values = presented.headers.getall(hdrs.AUTHORIZATION, [])
    return len(values) == 1 and is_one_of(_secret_of(values[0]), secrets)


def has_path_secret(presented: Presented, secrets: Sequence[bytes]) -> bool:
    """Return whether the path after the registry's name is one of `secrets`."""
    return is_one_of(presented.path_secret.encode("utf-8", "surrogateescape"), secrets)


def has_signature(
    presented: Presented,
    secrets: Sequence[bytes],
    *,
    header: str,
    algorithm: Literal["sha1", "sha256"],
    prefix: str = "",
) -> bool:
    """Return whether the only `header` is `prefix` and the hexadecimal HMAC of the body with one of `secrets`."""
    values = presented.headers.getall(header, [])
    if len(values) != 1 or not values[0].startswith(prefix):
        return False
    signature = values[0][len(prefix) :].strip().lower().encode("utf-8", "surrogateescape")
    expected = [hmac.new(secret, presented.body, algorithm).hexdigest().encode() for secret in secrets]
    return is_one_of(signature, expected)


def is_one_of(candidate: bytes, secrets: Sequence[bytes]) -> bool:
    """Return whether `candidate` equals one of `secrets`, in constant time; an empty candidate never does."""
    digest = hashlib.sha256(candidate).digest()
    equal = False
    for secret in secrets:
        equal |= hmac.compare_digest(digest, hashlib.sha256(secret).digest())
    return equal and bool(candidate)


def _secret_of(authorization: str) -> bytes:
    """Return the secret in a header value as the bytes that were sent; aiohttp turns invalid UTF-8 into surrogates."""
    value = authorization.strip()
    scheme, _, rest = value.partition(" ")
    if scheme.lower() == "bearer":
        value = rest.strip()
    elif scheme.lower() == "basic":
        try:
            return base64.b64decode(rest.strip().encode("utf-8", "surrogateescape"), validate=True).partition(b":")[2]
        except binascii.Error:
            return b""
    return value.encode("utf-8", "surrogateescape")
