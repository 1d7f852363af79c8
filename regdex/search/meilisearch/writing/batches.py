"""Sends documents to an index in batches of limited size, and reports every document that is rejected.

A batch that is too large for the engine is halved. A batch with an invalid document is halved until that document is
alone; it is rejected, and the others are indexed.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
import structlog

from regdex.search import Document
from regdex.search.meilisearch.fields import make_fields
from regdex.search.meilisearch.tasks import Ended, wait
from regdex.search.meilisearch.wire import Refusal, Wire
from regdex.telemetry import SEARCH_REFUSED

log = structlog.get_logger()

MAX_DOCUMENTS = 5000
MAX_BYTES = 16 * 1024 * 1024
SEND_SECONDS = 60.0
CHECKED_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Batch:
    """Ids of documents, and each document as JSON."""

    ids: tuple[int, ...]
    lines: tuple[bytes, ...]

    @property
    def body(self) -> bytes:
        return b"[" + b",".join(self.lines) + b"]"

    def halves(self) -> tuple["Batch", "Batch"]:
        middle = len(self.ids) // 2
        return Batch(self.ids[:middle], self.lines[:middle]), Batch(self.ids[middle:], self.lines[middle:])


@dataclass(slots=True)
class Sender:
    """Sends to one index. `refused` has the ids of documents that the engine rejected."""

    wire: Wire
    uid: str
    facet_labels: tuple[str, ...] = ()
    seconds: float = 600.0
    max_bytes: int = MAX_BYTES
    refused: list[int] = field(default_factory=list)
    _sent: dict[int, Batch] = field(default_factory=dict)

    async def send(self, documents: Sequence[Document]) -> None:
        """Send documents. `finish` waits until they are indexed."""
        for batch in await asyncio.to_thread(self._prepare, documents):
            await self._post(batch)

    async def finish(self, *, but: int = 0) -> None:
        """Wait until all batches except the last `but` are indexed or rejected.

        Raise Unavailable if that is not possible.
        """
        while len(self._sent) > but:
            oldest = sorted(self._sent)[: len(self._sent) - but]
            for task, ended in (await wait(self.wire, oldest, seconds=self.seconds)).items():
                await self._judge(self._sent.pop(task), ended)

    async def _judge(self, batch: Batch, ended: Ended) -> None:
        match ended.end:
            case "succeeded":
                return
            case "lost" if await self._is_there(batch):
                return
            case "failed" if ended.kind == "invalid_request" and ended.code != "index_not_found":
                await self._halve(batch, ended.code)
            case _:
                raise ended.error()

    async def _halve(self, batch: Batch, code: str) -> None:
        if len(batch.ids) > 1:
            for half in batch.halves():
                await self._post(half)
            return
        log.error("document refused by Meilisearch", repository_id=batch.ids[0], code=code)
        SEARCH_REFUSED.inc()
        self.refused.extend(batch.ids)

    async def _post(self, batch: Batch) -> None:
        try:
            answer = await self.wire.post(f"/indexes/{self.uid}/documents", batch.body, seconds=SEND_SECONDS)
        except Refusal as refusal:
            if refusal.status != 413:
                raise
            self.max_bytes = max(len(batch.body) // 2, 1)
            await self._halve(batch, "payload_too_large")
            return
        self._sent[answer["taskUid"]] = batch

    def _prepare(self, documents: Sequence[Document]) -> list[Batch]:
        lines = [(document.id, orjson.dumps(make_fields(document, self.facet_labels))) for document in documents]
        return list(self._split(lines))

    def _split(self, lines: Sequence[tuple[int, bytes]]) -> Iterator[Batch]:
        start = size = 0
        for at, (_, line) in enumerate(lines):
            if at > start and (size + len(line) > self.max_bytes or at - start >= MAX_DOCUMENTS):
                yield _batch(lines[start:at])
                start, size = at, 0
            size += len(line) + 1
        if lines:
            yield _batch(lines[start:])

    async def _is_there(self, batch: Batch) -> bool:
        """Return whether the index has exactly the documents that were sent."""
        wanted = {document["id"]: document["stored"] for document in map(orjson.loads, batch.lines)}
        found: dict[int, Any] = {}
        for at in range(0, len(batch.ids), CHECKED_AT_ONCE):
            ids = list(batch.ids[at : at + CHECKED_AT_ONCE])
            answer = await self.wire.post(
                f"/indexes/{self.uid}/documents/fetch", {"ids": ids, "fields": ["id", "stored"], "limit": len(ids)}
            )
            found.update((document["id"], document["stored"]) for document in answer["results"])
        return found == wanted


def _batch(lines: Sequence[tuple[int, bytes]]) -> Batch:
    return Batch(tuple(id for id, _ in lines), tuple(line for _, line in lines))
