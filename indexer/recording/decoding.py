"""Decodes claimed deliveries with the decoder of their registry's kind."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from indexer.kinds import KINDS, Delivery
from regdex.database import Pool
from regdex.errors import Undecodable
from regdex.events import Decoded
from regdex.store.catalog import senders

log = structlog.get_logger()

# The event loop, which also answers webhooks, is yielded after this many bytes; larger deliveries go to a thread.
BYTES_AT_ONCE = 256 * 1024
MAX_REASON_LENGTH = 2000


@dataclass(frozen=True, slots=True)
class Sender:
    """What decoding needs to know of a registry."""

    name: str
    kind: str
    hosts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Claim:
    """A claimed and decoded delivery. If `reason` is not empty, it becomes a dead letter as well."""

    id: int
    attempts: int
    registry_id: int
    registry: str
    received_at: datetime
    decoded: Decoded
    reason: str


class Senders:
    """Decodes claimed rows. Caches the registries and reads them again when a new one occurs."""

    def __init__(self, db: Pool) -> None:
        self._db = db
        self._known: dict[int, Sender] = {}

    def name_of(self, registry_id: int) -> str:
        """Return the name of a registry; empty if no delivery of it was decoded in this process."""
        sender = self._known.get(registry_id)
        return sender.name if sender else ""

    async def decode(self, rows: Sequence[Any]) -> list[Claim]:
        """Decode rows of `inbox.claim_deliveries`. A delivery that cannot be decoded has no events, but a reason."""
        if any(row["registry_id"] not in self._known for row in rows):
            self._known = {
                row["id"]: Sender(row["name"], row["kind"], tuple(row["hosts"]))
                for row in await senders.list_senders(self._db)
            }
        claims: list[Claim] = []
        done_bytes = 0
        for row in rows:
            size = len(row["body"])
            if size > BYTES_AT_ONCE:
                claims.append(await asyncio.to_thread(self._decode, row))
                continue
            done_bytes += size
            if done_bytes > BYTES_AT_ONCE:
                await asyncio.sleep(0)
                done_bytes = size
            claims.append(self._decode(row))
        return claims

    def _decode(self, row: Any) -> Claim:
        sender = self._known.get(row["registry_id"])
        decoded, reason = Decoded([]), ""
        try:
            if sender is None:
                raise Undecodable("its registry is not in the catalog")
            if sender.kind not in KINDS:
                raise Undecodable("this release does not know this kind of registry")
            decoded = KINDS[sender.kind].decode(
                Delivery(row["id"], sender.name, row["received_at"], row["headers"], row["body"], sender.hosts)
            )
            reason = "; ".join(decoded.rejected)
        except Undecodable as error:
            reason = str(error)
        except Exception as error:  # a bug in a decoder must lose neither this delivery nor others of the batch
            log.exception("decoder failed", delivery=row["id"], error=type(error).__name__)
            reason = f"the decoder failed: {type(error).__name__}"
        return Claim(
            row["id"],
            row["attempts"],
            row["registry_id"],
            self.name_of(row["registry_id"]),
            row["received_at"],
            decoded,
            reason.replace("\x00", "")[:MAX_REASON_LENGTH],
        )
