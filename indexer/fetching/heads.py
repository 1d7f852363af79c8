"""Resolves references by HEAD alone, for registries where a GET would fill a cache from upstream or be counted.

A digest in the answer is believed; a 404 is believed only after HEAD has named a digest at least once.
"""

from indexer.registry.client import Missing, RegistryClient, Unchanged
from regdex.errors import RegistryError


async def ask_head(client: RegistryClient, repository: str, reference: str) -> Unchanged | Missing:
    """Return the answer of HEAD about a tag or a digest; RegistryError `unsupported` where it cannot be used."""
    head = await client.head_manifest(repository, reference)
    if isinstance(head, Missing):
        if client.heads_trusted:
            return head
        raise RegistryError("unsupported", "HEAD answers 404, and has not answered otherwise yet")
    if head.digest is None:
        raise RegistryError("unsupported", "HEAD names no digest")
    client.heads_trusted = True
    return Unchanged(head.answered, head.digest)
