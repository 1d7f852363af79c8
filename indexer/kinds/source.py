"""Ways to enumerate a registry, one file each; to add one, write its file and name it here."""

from collections.abc import AsyncIterator
from typing import Protocol

from indexer.kinds.oci import OciSource
from indexer.registry.client import NamePage, RegistryClient

__all__ = ["Source", "source_for"]


class Source(Protocol):
    """Lists what a registry holds. The cursor is text of the source's own, kept in the database between pages."""

    def repositories(self, cursor: str | None) -> AsyncIterator[NamePage]:
        """Pages of repository names from `cursor` on, the first where None. RegistryError when it cannot be listed."""
        ...

    def tags(self, repository: str) -> AsyncIterator[NamePage]:
        """Pages of a repository's tags; RegistryError `not_found` where there is no such repository."""
        ...


def source_for(kind: str, client: RegistryClient) -> Source:
    """The source for registries of that kind: any that has a catalog can be read by the specification's own API."""
    return OciSource(client)
