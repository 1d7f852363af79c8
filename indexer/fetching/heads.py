"""Asks by HEAD alone, where no manifest may be fetched: a GET would fill a cache from upstream, or be counted.

HEAD's answers are claims: what it names is taken for true, and its 404 only once it has named something.
"""

from indexer.registry.client import Missing, RegistryClient, Unchanged
from regdex.errors import RegistryError


async def ask_head(client: RegistryClient, repository: str, reference: str) -> Unchanged | Missing:
    """What HEAD says of a tag or a digest. RegistryError `unsupported` where it says nothing that can be used."""
    head = await client.head_manifest(repository, reference)
    if isinstance(head, Missing):
        if client.heads_trusted:
            return head
        raise RegistryError("unsupported", "HEAD answers 404, and has not answered otherwise yet")
    if head.digest is None:
        raise RegistryError("unsupported", "HEAD names no digest")
    client.heads_trusted = True
    return Unchanged(head.answered, head.digest)
