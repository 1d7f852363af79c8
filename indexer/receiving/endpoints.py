"""Whom the receiver listens to: the webhook endpoint of each registry and the secrets it accepts now."""

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from regdex import telemetry
from regdex.errors import Misconfigured, Unavailable
from regdex.settings import Settings, read_secrets

RECHECK_SECONDS = 1.0


class SecretFile:
    """The secrets a file holds now: it is read again when it has changed, looked at no more than once a second."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self._checked_at = float("-inf")
        self._version: tuple[int, ...] = ()
        self._digests: tuple[bytes, ...] = ()

    def accepts(self, candidate: bytes) -> bool:
        """Whether `candidate` is one of them, in a time that says nothing about them. Unavailable without a file."""
        if self._clock() - self._checked_at >= RECHECK_SECONDS:
            self._reread()
        digest = hashlib.sha256(candidate).digest()
        accepted = False
        for known in self._digests:
            accepted |= hmac.compare_digest(digest, known)
        return accepted

    def _reread(self) -> None:
        try:
            status = self._path.stat()
            version = (status.st_mtime_ns, status.st_size, status.st_ino)
            if version != self._version:
                secrets = read_secrets(self._path)
                self._digests = tuple(hashlib.sha256(secret.get_secret_value().encode()).digest() for secret in secrets)
                self._version = version
        except (OSError, Misconfigured) as error:
            self._version, self._digests = (), ()
            raise Unavailable("the secret of this endpoint cannot be read") from error
        self._checked_at = self._clock()


@dataclass(slots=True)
class Endpoint:
    """One registry's endpoint. What comes to a `paused` one is answered as usual and dropped: a reconcile follows."""

    name: str
    registry_id: int
    secret: SecretFile
    paused: bool = False
    _counts: dict[str, Callable[[], None]] = field(default_factory=dict)

    def is_authenticated(self, authorization: Sequence[str]) -> bool:
        """Whether there is one `Authorization` header, and it carries an accepted secret.

        `Bearer <secret>`, the bare secret, or Basic with the secret as the password and any user name.
        """
        return len(authorization) == 1 and self.secret.accepts(_secret_of(authorization[0]))

    def count(self, outcome: str) -> None:
        """Count a delivery to this endpoint."""
        increment = self._counts.get(outcome)
        if increment is None:
            increment = self._counts[outcome] = telemetry.DELIVERIES.labels(self.name, outcome).inc
        increment()


def _secret_of(authorization: str) -> bytes:
    """The secret a header value carries, as the bytes that were sent: aiohttp makes surrogates of what is not UTF-8."""
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


def endpoints(settings: Settings, registry_ids: Mapping[str, int]) -> dict[str, Endpoint]:
    """The endpoints of the registries in the settings; `registry_ids` are their numbers in the catalog."""
    return by_name(
        Endpoint(
            registry.name,
            registry_ids[registry.name],
            SecretFile(settings.webhook_secret_path(registry)),
            registry.paused,
        )
        for registry in settings.registries
    )


def by_name(found: Iterable[Endpoint]) -> dict[str, Endpoint]:
    return {endpoint.name: endpoint for endpoint in found}
