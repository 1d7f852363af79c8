"""From claims on the inbox to decoded deliveries: which sender's decoder, and what became of each."""

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

# The loop, which also answers webhooks, is given back after so many bytes; more at once goes to a thread.
BYTES_AT_ONCE = 256 * 1024
LONGEST_REASON = 2000


@dataclass(frozen=True, slots=True)
class Sender:
    """A registry as decoding knows it."""

    name: str
    kind: str
    hosts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Claim:
    """A claimed delivery, decoded. `reason` is not empty when it has to be kept as a dead letter as well."""

    id: int
    attempts: int
    registry_id: int
    registry: str
    received_at: datetime
    decoded: Decoded
    reason: str


class Senders:
    """Decodes claimed rows; knows the registries, and asks again when it meets a new one."""

    def __init__(self, db: Pool) -> None:
        self._db = db
        self._known: dict[int, Sender] = {}

    def name_of(self, registry_id: int) -> str:
        """Its name; empty while no delivery of it has been decoded here."""
        sender = self._known.get(registry_id)
        return sender.name if sender else ""

    async def decode(self, rows: Sequence[Any]) -> list[Claim]:
        """Decode rows of `inbox.claim_deliveries`; one that cannot be is returned without events, with the reason."""
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
        except Exception as error:  # a decoder's bug must not cost the delivery, nor those beside it
            log.exception("decoder failed", delivery=row["id"], error=type(error).__name__)
            reason = f"the decoder failed: {type(error).__name__}"
        return Claim(
            row["id"],
            row["attempts"],
            row["registry_id"],
            self.name_of(row["registry_id"]),
            row["received_at"],
            decoded,
            reason.replace("\x00", "")[:LONGEST_REASON],
        )
