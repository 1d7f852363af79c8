"""The base class of kinds: a kind is one class in one file that has all differences between registries.

To add a kind, write its file in this folder and name it in `indexer/kinds/__init__.py`; CONTRIBUTING.md has the recipe.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from indexer.kinds.clients import ClientClass, classify_user_agent
from indexer.kinds.oci import OciSource
from indexer.kinds.source import Source
from indexer.kinds.verification import Presented, has_secret_header
from indexer.registry.client import RegistryClient
from indexer.registry.credentials import Credentials, FileCredentials
from regdex.events import Decoded
from regdex.settings import Registry


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """The events that registries of a kind report, and how they behave. Stored with each registry.

    `time_resolution`: events whose times are no further apart may have happened in any order. `untagged_manifests`:
    whether a manifest that loses its last tag stays. `get_counts_as_pull`: reading a manifest by GET changes the
    registry's own counts. `lists_digests`: the source lists tags with their digests, so that no HEAD is needed.
    `retries_deliveries`: a refused delivery is sent again. `read`: how much of the registry is read where the settings
    do not set it.
    """

    reports_pushes: bool
    reports_tag_moves: bool
    reports_tag_deletes: bool
    reports_pulls: bool
    time_resolution: timedelta = timedelta(0)
    untagged_manifests: Literal["kept", "vanish"] = "kept"
    get_counts_as_pull: bool = False
    lists_digests: bool = False
    retries_deliveries: bool = False
    read: Literal["full", "head", "events"] = "full"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One webhook request as received.

    `id` is the id in the inbox, `registry` the name in the path. The names of `headers` are in lower case. `hosts` are
    all hosts of the registry, in lower case, with a port where it is not the default of the scheme.
    """

    id: int
    registry: str
    received_at: datetime
    headers: Mapping[str, str]
    body: bytes
    hosts: tuple[str, ...] = ()


class NoOptions(BaseModel):
    """The options model of kinds without options."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Kind(ABC):
    """One kind of registry. All methods except `source` and `credentials` are pure: no I/O and no clock.

    `options` is the model of `[registries.options]`. `kept_headers` are the headers that the inbox keeps for `decode`,
    in lower case. A delivery is verified before its body is read, so that a stranger cannot make the receiver read one;
    with `signs_body` after it. `takes_path_secret`: the endpoint is `/webhooks/{registry}/{secret}`, for senders that
    can send no header.
    """

    name: ClassVar[str]
    capabilities: ClassVar[Capabilities]
    options: ClassVar[type[BaseModel]] = NoOptions
    kept_headers: ClassVar[frozenset[str]] = frozenset({"content-type", "user-agent"})
    signs_body: ClassVar[bool] = False
    takes_path_secret: ClassVar[bool] = False

    def verify(self, presented: Presented, secrets: Sequence[bytes]) -> bool:
        """Return whether the sender of a delivery knows one of `secrets`."""
        return has_secret_header(presented, secrets)

    @abstractmethod
    def decode(self, delivery: Delivery) -> Decoded:
        """Decode the events of a delivery.

        Raises Undecodable when nothing in it can be read. An item that cannot be used goes to `rejected`, with a reason
        that has none of its content; an item without relevant information is counted as ignored.
        """

    def source(self, client: RegistryClient, options: BaseModel) -> Source:
        """Return the lister of the registry; by default it reads the Distribution API's catalog and tag lists."""
        return OciSource(client)

    def credentials(self, registry: Registry, options: BaseModel) -> Credentials:
        """Return the credentials for the registry; by default the settings' user name and password file."""
        return FileCredentials(registry)

    def classify(self, actor: str, address: str, user_agent: str) -> ClientClass:
        """Return the class of the client that requested a manifest."""
        return classify_user_agent(user_agent)

    @abstractmethod
    def snippet(self, url: str, secret: str) -> str:
        """Return text for the registry's configuration that makes it send webhooks to `url`."""
