"""The kinds of registries, by name. To add one, write its file and name it here."""

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
    """The kind of that name; Misconfigured names those that there are."""
    try:
        return KINDS[name]
    except KeyError:
        raise Misconfigured(f"unknown kind {name!r}; this release knows: {', '.join(sorted(KINDS))}") from None


def options_of(registry: Registry) -> BaseModel:
    """The options of a registry, read by its kind; Misconfigured names the key that is wrong."""
    try:
        return kind_of(registry.kind).options.model_validate(registry.options)
    except ValidationError as error:
        keys = "; ".join(f"{'.'.join(map(str, item['loc'])) or 'options'}: {item['msg']}" for item in error.errors())
        raise Misconfigured(f"registries.{registry.name}.options: {keys}") from None
    except Misconfigured as error:
        raise Misconfigured(f"registries.{registry.name}.kind: {error}") from None


def read_mode_of(registry: Registry) -> str:
    """How much of a registry is read: `full`, `head` or `events`, by its settings, else by its kind."""
    return registry.read or kind_of(registry.kind).capabilities.read


def client_of(registry: Registry, limits: Limits | None = None) -> RegistryClient:
    """A client that says who it is as the registry's kind does."""
    credentials = kind_of(registry.kind).credentials(registry, options_of(registry))
    return RegistryClient(registry, limits, credentials)
