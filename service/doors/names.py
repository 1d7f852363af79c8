"""Names of repositories for clients of registries: `registry/repository`.

A reverse proxy may forward requests for a registry's own host to Regdex. Under such a host, names are those of the
registry's repositories without the registry, and only they are served, so that clients can pull the printed names.
"""

from regdex.database import Database
from regdex.errors import InvalidArgument, NotFound
from regdex.reference import check_registry, check_repository
from regdex.store.catalog import registries

UNKNOWN = "no such repository, or not visible to this key"


async def registry_of_host(db: Database, host: str) -> str:
    """Return the registry with this host, including the port if clients write one; "" when there is none."""
    return (await registries.find_registry_of_host(db, host.lower()) or "") if host else ""


def read_name(name: str, within: str) -> tuple[str, str]:
    """Return registry and repository of a name. Raise InvalidArgument with the broken rule."""
    registry, slash, repository = (within, "/", name) if within else name.partition("/")
    try:
        check_registry(registry)
        if not slash:
            raise NotFound(f"{UNKNOWN}; names have the form registry/repository")
        check_repository(repository)
    except InvalidArgument as error:
        raise InvalidArgument(f"name: {error}") from None
    return registry, repository


def write_name(registry: str, repository: str, within: str) -> str:
    return repository if within else f"{registry}/{repository}"
