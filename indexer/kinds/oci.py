"""Lists any registry that has `/v2/_catalog`, page by page.

The catalog is an endpoint of Distribution and not in the OCI specification; registries may refuse it to some or all.
"""

from collections.abc import AsyncIterator

from indexer.kinds.source import ListedTag, TagPage
from indexer.registry.client import NamePage, NoToken, RegistryClient
from regdex.errors import RegistryError

_REASONS = {
    "unauthorized": "the registry refuses these credentials for its catalog: check username and password_file",
    "forbidden": "these credentials may not list the catalog: they need registry:catalog:* (often administrators only)",
    "not_found": "the registry has no catalog (/v2/_catalog), so it cannot be enumerated",
    "unsupported": "the registry has no catalog (/v2/_catalog), so it cannot be enumerated",
    "unexpected_content": "the answer to /v2/_catalog is not a catalog; is a login page in front of it?",
}
_NO_REGISTRY = "no registry answers at /v2/ of this url: check url and path_prefix"


class OciSource:
    """Catalog and tag lists of the Distribution API."""

    def __init__(self, client: RegistryClient) -> None:
        self._client = client

    async def repositories(self, cursor: str | None) -> AsyncIterator[NamePage]:
        begun = False
        try:
            async for page in self._client.catalog(cursor):
                begun = True
                yield page
        except RegistryError as error:
            reason = _REASONS.get(error.problem)
            if begun or reason is None or isinstance(error, NoToken):
                raise
            if error.problem in ("not_found", "unexpected_content") and not await self._is_registry():
                reason = f"{_NO_REGISTRY} ({str(error).removeprefix(error.problem).removeprefix(': ')})"
            raise RegistryError(error.problem, reason) from error

    async def _is_registry(self) -> bool:
        try:
            await self._client.ping()
        except RegistryError as error:
            return error.problem not in ("not_found", "unexpected_content")
        return True

    async def tags(self, repository: str) -> AsyncIterator[TagPage]:
        async for page in self._client.tags(repository):
            yield TagPage(tuple(ListedTag(name, page.answered) for name in page.names), page.rejected)
