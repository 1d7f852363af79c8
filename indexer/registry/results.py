"""What a registry answers about manifests and tags, each with the time of the answer."""

from dataclasses import dataclass
from datetime import datetime

from indexer.registry.answered import Answered
from regdex.digest import Digest


@dataclass(frozen=True, slots=True)
class _Timed:
    """An answer of the registry, and when it came."""

    answered: Answered

    @property
    def at(self) -> datetime:
        return self.answered.at


@dataclass(frozen=True, slots=True)
class Head(_Timed):
    """What HEAD says of a manifest: claims. The digest is None where HEAD names none; the type is noted only."""

    digest: Digest | None
    media_type: str


@dataclass(frozen=True, slots=True)
class Unchanged(_Timed):
    """HEAD has named a digest that was expected."""

    digest: Digest


@dataclass(frozen=True, slots=True)
class Missing(_Timed):
    """The registry says that there is no such manifest or tag."""


@dataclass(frozen=True, slots=True)
class Fetched(_Timed):
    """A manifest's bytes and their digest as computed. `media_type` is the Content-Type they came with: noted only.

    `claimed` is the digest that the registry named beside them; of signed schema 1 it is rightly another one.
    """

    digest: Digest
    media_type: str
    content: bytes
    claimed: Digest | None = None


@dataclass(frozen=True, slots=True)
class Referrers(_Timed):
    """Digests of the manifests that refer to one manifest, at most `referrers.MAX_REFERRERS`.

    `supported` is whether the registry has the referrers API. `problem` says why the list could not be read to its end;
    it is empty where the list is whole.
    """

    digests: tuple[Digest, ...]
    supported: bool
    problem: str = ""
