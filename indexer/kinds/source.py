"""How a registry is enumerated: pages of repositories, and pages of the tags of each."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from indexer.registry.answered import Answered
from indexer.registry.client import NamePage
from regdex.digest import Digest


@dataclass(frozen=True, slots=True)
class ListedTag:
    """A tag as a registry lists it, and when it `answered`. Nothing is asked about a tag that is listed with a digest.

    `pushed_at` and `size_bytes` are the registry's own words on the push and on the image.
    """

    name: str
    answered: Answered
    digest: Digest | None = None
    pushed_at: datetime | None = None
    size_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class TagPage:
    """One page of a repository's tags; `rejected` counts entries that are no tags."""

    tags: tuple[ListedTag, ...]
    rejected: int = 0


class Source(Protocol):
    """Lists what a registry holds. The cursor is text of the source's own, kept in the database between pages."""

    def repositories(self, cursor: str | None) -> AsyncIterator[NamePage]:
        """Pages of repository names from `cursor` on, the first where None. RegistryError when it cannot be listed."""
        ...

    def tags(self, repository: str) -> AsyncIterator[TagPage]:
        """Pages of a repository's tags; RegistryError `not_found` where there is no such repository."""
        ...
