"""The interface for listing a registry: pages of repositories, and pages of the tags of each."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from indexer.registry.answered import Answered
from indexer.registry.client import NamePage
from regdex.digest import Digest


@dataclass(frozen=True, slots=True)
class ListedTag:
    """A tag in a list, with the times of the answer. A tag that is listed with a digest is not requested.

    `pushed_at` and `size_bytes` are the registry's own values for the push and the image.
    """

    name: str
    answered: Answered
    digest: Digest | None = None
    pushed_at: datetime | None = None
    size_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class TagPage:
    """One page of a repository's tags; `rejected` counts entries that are not valid tags."""

    tags: tuple[ListedTag, ...]
    rejected: int = 0


class Source(Protocol):
    """Lists repositories and tags of a registry. Cursors are stored; only the source knows their format."""

    def repositories(self, cursor: str | None) -> AsyncIterator[NamePage]:
        """Yield pages of repository names from `cursor` on, from the first where None; RegistryError where it fails."""
        ...

    def tags(self, repository: str) -> AsyncIterator[TagPage]:
        """Yield pages of a repository's tags; RegistryError `not_found` where there is no such repository."""
        ...
