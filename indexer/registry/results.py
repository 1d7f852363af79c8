"""The results of the client about manifests and tags, each with the times of the answer."""

from dataclasses import dataclass
from datetime import datetime

from indexer.registry.answered import Answered
from regdex.digest import Digest


@dataclass(frozen=True, slots=True)
class _Timed:
    """An answer of the registry with its times."""

    answered: Answered

    @property
    def at(self) -> datetime:
        return self.answered.at


@dataclass(frozen=True, slots=True)
class Head(_Timed):
    """The claims of HEAD about a manifest. `digest` is None where HEAD names none; `media_type` is informative."""

    digest: Digest | None
    media_type: str


@dataclass(frozen=True, slots=True)
class Unchanged(_Timed):
    """HEAD named an expected digest."""

    digest: Digest


@dataclass(frozen=True, slots=True)
class Missing(_Timed):
    """The registry answered that there is no such manifest or tag."""


@dataclass(frozen=True, slots=True)
class Fetched(_Timed):
    """The bytes of a manifest and the digest computed from them. `media_type` is their Content-Type; it is informative.

    `claimed` is the digest that the registry sent in a header. It rightly differs for signed Docker schema 1.
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
