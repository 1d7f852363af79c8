"""What a repository is called by clients of registries: `registry/repository`.

Under a host that is one of a registry's own, where a reverse proxy sends what clients ask that registry, the name is
the bare one and there are no others: then what is printed can be pulled.
"""

from regdex.database import Database
from regdex.errors import InvalidArgument, NotFound
from regdex.reference import check_registry, check_repository
from regdex.store.catalog import registries

UNKNOWN = "no such repository, or not visible to this key"


async def registry_of_host(db: Database, host: str) -> str:
    """The registry that has this host, a port with it where clients write one; empty when none has."""
    return (await registries.find_registry_of_host(db, host.lower()) or "") if host else ""


def read_name(name: str, within: str) -> tuple[str, str]:
    """Registry and repository of a name; InvalidArgument names the rule that is broken."""
    registry, slash, repository = (within, "/", name) if within else name.partition("/")
    try:
        check_registry(registry)
        if not slash:
            raise NotFound(f"{UNKNOWN}; names are registry/repository here")
        check_repository(repository)
    except InvalidArgument as error:
        raise InvalidArgument(f"name: {error}") from None
    return registry, repository


def write_name(registry: str, repository: str, within: str) -> str:
    """The name of a repository."""
    return repository if within else f"{registry}/{repository}"
