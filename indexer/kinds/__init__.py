"""The kinds of registries by name. To add a kind, write its file and add it to `KINDS`."""

from pydantic import BaseModel, ValidationError

from indexer.kinds.distribution import Distribution
from indexer.kinds.gitlab import GitLab
from indexer.kinds.kind import Capabilities, Delivery, Kind
from indexer.kinds.source import ListedTag, Source, TagPage
from indexer.registry.client import Limits, RegistryClient
from regdex.errors import Misconfigured
from regdex.settings import Registry

__all__ = [
    "KINDS",
    "Capabilities",
    "Delivery",
    "Kind",
    "ListedTag",
    "Source",
    "TagPage",
    "client_of",
    "kind_of",
    "options_of",
    "read_mode_of",
]

KINDS: dict[str, Kind] = {kind.name: kind for kind in (Distribution(), GitLab())}


def kind_of(name: str) -> Kind:
    """Return the kind with this name; Misconfigured, with a list of the kinds, when there is none."""
    try:
        return KINDS[name]
    except KeyError:
        raise Misconfigured(f"unknown kind {name!r}; this release knows: {', '.join(sorted(KINDS))}") from None


def options_of(registry: Registry) -> BaseModel:
    """Return the options of a registry, validated by its kind; Misconfigured names the invalid key."""
    try:
        return kind_of(registry.kind).options.model_validate(registry.options)
    except ValidationError as error:
        keys = "; ".join(f"{'.'.join(map(str, item['loc'])) or 'options'}: {item['msg']}" for item in error.errors())
        raise Misconfigured(f"registries.{registry.name}.options: {keys}") from None
    except Misconfigured as error:
        raise Misconfigured(f"registries.{registry.name}.kind: {error}") from None


def read_mode_of(registry: Registry) -> str:
    """Return how much of a registry is read, `full`, `head` or `events`: from its settings, or from its kind."""
    return registry.read or kind_of(registry.kind).capabilities.read


def client_of(registry: Registry, limits: Limits | None = None) -> RegistryClient:
    """Return a client with the credentials of the registry's kind."""
    credentials = kind_of(registry.kind).credentials(registry, options_of(registry))
    return RegistryClient(registry, limits, credentials)
