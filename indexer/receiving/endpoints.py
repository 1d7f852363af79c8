"""The webhook endpoint of each registry and the secrets that it accepts now."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from indexer.kinds import Kind, kind_of
from indexer.kinds.verification import Presented
from regdex import telemetry
from regdex.errors import Misconfigured, Unavailable
from regdex.settings import Settings, read_secrets

RECHECK_SECONDS = 1.0


class SecretFile:
    """The secrets in a file, which is read again when it has changed; checks for changes at most once a second."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self._checked_at = float("-inf")
        self._version: tuple[int, ...] = ()
        self._secrets: tuple[bytes, ...] = ()

    def read(self) -> tuple[bytes, ...]:
        """Return all secrets, at least one; Unavailable if the file cannot be read or has none."""
        if self._clock() - self._checked_at >= RECHECK_SECONDS:
            self._reread()
        return self._secrets

    def _reread(self) -> None:
        try:
            status = self._path.stat()
            version = (status.st_mtime_ns, status.st_size, status.st_ino)
            if version != self._version:
                secrets = read_secrets(self._path)
                self._secrets = tuple(secret.get_secret_value().encode() for secret in secrets)
                self._version = version
        except (OSError, Misconfigured) as error:
            self._version, self._secrets = (), ()
            raise Unavailable("the secret of this endpoint cannot be read") from error
        self._checked_at = self._clock()


@dataclass(slots=True)
class Endpoint:
    """One registry's endpoint. Deliveries to a `paused` one are accepted and dropped: a full read follows later."""

    name: str
    registry_id: int
    kind: Kind
    secret: SecretFile
    paused: bool = False
    _counts: dict[str, Callable[[], None]] = field(default_factory=dict)

    def is_authenticated(self, presented: Presented) -> bool:
        """Return whether the sender proved an accepted secret, by the rules of the registry's kind."""
        return self.kind.verify(presented, self.secret.read())

    def count(self, outcome: str) -> None:
        """Count a delivery to this endpoint by its outcome."""
        increment = self._counts.get(outcome)
        if increment is None:
            increment = self._counts[outcome] = telemetry.DELIVERIES.labels(self.name, outcome).inc
        increment()


def endpoints(settings: Settings, registry_ids: Mapping[str, int]) -> dict[str, Endpoint]:
    """Return the endpoints of the registries in the settings; `registry_ids` are their ids in the catalog."""
    return by_name(
        Endpoint(
            registry.name,
            registry_ids[registry.name],
            kind_of(registry.kind),
            SecretFile(settings.webhook_secret_path(registry)),
            registry.paused,
        )
        for registry in settings.registries
    )


def by_name(found: Iterable[Endpoint]) -> dict[str, Endpoint]:
    return {endpoint.name: endpoint for endpoint in found}
