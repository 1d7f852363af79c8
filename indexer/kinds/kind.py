"""What a kind of registry is: one class in one file says all that differs between registries.

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
    """What registries of a kind tell of themselves, and how they behave. Stored with each registry.

    `time_resolution`: events whose times are no further apart may have happened in any order. `untagged_manifests`:
    what becomes of a manifest that loses its last tag. `get_counts_as_pull`: reading a manifest by GET changes the
    registry's own counts. `lists_digests`: the source lists tags with their digests, so that none is asked for by
    HEAD. `retries_deliveries`: a refused delivery is sent again. `read`: how much of it is read
    where the settings do not say.
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

    `id` is the one of the inbox, `registry` the name in the path, `headers` have lower-case names, and `hosts` are all
    that the registry is known by, lower case, with a port where it is not the scheme's own.
    """

    id: int
    registry: str
    received_at: datetime
    headers: Mapping[str, str]
    body: bytes
    hosts: tuple[str, ...] = ()


class NoOptions(BaseModel):
    """The options of kinds that have none."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Kind(ABC):
    """One kind of registry. Everything but `source` and `credentials` is pure: no I/O and no clock.

    `options` is the model of `[registries.options]`. `kept_headers` are the headers that the inbox keeps for `decode`,
    in lower case. A kind with `signs_body` is verified after the body was read; all others before, so that a stranger
    cannot make the receiver read one. `takes_path_secret`: the endpoint is `/webhooks/{registry}/{secret}`, for
    senders that can say nothing else.
    """

    name: ClassVar[str]
    capabilities: ClassVar[Capabilities]
    options: ClassVar[type[BaseModel]] = NoOptions
    kept_headers: ClassVar[frozenset[str]] = frozenset({"content-type", "user-agent"})
    signs_body: ClassVar[bool] = False
    takes_path_secret: ClassVar[bool] = False

    def verify(self, presented: Presented, secrets: Sequence[bytes]) -> bool:
        """Whether a delivery comes from somebody who knows one of `secrets`."""
        return has_secret_header(presented, secrets)

    @abstractmethod
    def decode(self, delivery: Delivery) -> Decoded:
        """The events of a delivery.

        Raises Undecodable when nothing in it can be read. An item that cannot be used goes to `rejected`, with a
        reason that holds nothing of its content; an item that says nothing we keep is counted as ignored.
        """

    def source(self, client: RegistryClient, options: BaseModel) -> Source:
        """How to enumerate the registry; the Distribution API's catalog and tag lists where nothing else is said."""
        return OciSource(client)

    def credentials(self, registry: Registry, options: BaseModel) -> Credentials:
        """Who we are to the registry; the settings' user name and password file where nothing else is said."""
        return FileCredentials(registry)

    def classify(self, actor: str, address: str, user_agent: str) -> ClientClass:
        """Who asked for a manifest: a client, a scanner, a replication, Regdex itself."""
        return classify_user_agent(user_agent)

    @abstractmethod
    def snippet(self, url: str, secret: str) -> str:
        """What to paste into the registry's configuration so that it sends webhooks to `url`."""
