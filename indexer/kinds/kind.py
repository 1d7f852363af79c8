"""What a decoder is given and what it is: the one protocol behind which each kind of registry has one file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Literal, Protocol

from regdex.events import Decoded


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
    hosts: tuple[str, ...] = field(default=())


class Decoder(Protocol):
    """Turns the deliveries of one kind of registry into events; pure: no I/O and no clock.

    `kind` is that of the settings. `untagged_manifests` says what becomes of a manifest that loses its last tag.
    """

    kind: ClassVar[str]
    untagged_manifests: ClassVar[Literal["kept", "vanish"]]

    def decode(self, delivery: Delivery) -> Decoded:
        """Undecodable when nothing in it can be read; an item that cannot be used is in `rejected` instead."""
        ...
