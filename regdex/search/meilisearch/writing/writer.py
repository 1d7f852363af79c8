"""Writes the Meilisearch index, from the one process that publishes."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta

import structlog

from regdex.errors import Misconfigured, Unavailable
from regdex.search import Document, Fingerprint
from regdex.search.meilisearch.layout import LAYOUT, differences, index_settings
from regdex.search.meilisearch.pointer import Pointer, is_ours, read_pointer, uid_of
from regdex.search.meilisearch.tasks import has_unfinished, settle, settle_all
from regdex.search.meilisearch.wire import Refusal, Wire
from regdex.search.meilisearch.writing.batches import Sender
from regdex.telemetry import SEARCH_SETTINGS_CHANGED

log = structlog.get_logger()

# 1.34.1 fixed tasks lost when indexes were replaced; 1.36 can rank by the field of a word (`attributeRank`).
MIN_VERSION = (1, 36, 0)
ASK_SECONDS = 10.0
MAX_WAITING = 16  # batches of a rebuild that are sent and not finished
REBUILD_SECONDS = 3600.0
# Longer than readers keep a pointer: after this time no reader uses the old index.
GRACE_SECONDS = 2.0
TIDY_SECONDS = 24 * 3600.0
KEPT = timedelta(days=7)  # age of finished tasks to keep for diagnosis
ROOM = timedelta(0)


class MeilisearchWriter:
    """A SearchWriter on the indexes of `index`. If it is killed at any step, readers keep the current index.

    `facet_labels` are the label keys that can be counted by value. An index with other keys has to be rebuilt.
    """

    def __init__(
        self,
        url: str,
        api_key: str = "",
        *,
        index: str = "regdex",
        facet_labels: tuple[str, ...] = (),
        grace_seconds: float = GRACE_SECONDS,
    ) -> None:
        self._wire = Wire(url, api_key, seconds=ASK_SECONDS)
        self._index = index
        self._facet_labels = facet_labels
        self._grace_seconds = grace_seconds
        self._checked = False
        self._tidied_at = float("-inf")

    async def fingerprint(self) -> Fingerprint | None:
        """Return None also for a missing index or another layout. Raise Misconfigured if the engine is too old."""
        pointer = await self._current()
        if pointer is None or (pointer.layout, pointer.facet_labels) != (LAYOUT, self._facet_labels):
            return None
        try:
            found = await self._wire.get(f"/indexes/{pointer.uid}/settings")
        except Refusal as refusal:
            if refusal.refusal == "index_not_found":
                return None
            raise
        changed = differences(index_settings(self._facet_labels), found)
        SEARCH_SETTINGS_CHANGED.set(len(changed))
        if changed:
            log.warning("settings of the search index differ; a rebuild restores them", settings=sorted(changed))
        return pointer.fingerprint

    async def count(self) -> int | None:
        """Return the number of documents in the current index; None if there is no index."""
        pointer = await self._current()
        if pointer is None:
            return None
        try:
            return int((await self._wire.get(f"/indexes/{pointer.uid}/stats"))["numberOfDocuments"])
        except Refusal as refusal:
            if refusal.refusal == "index_not_found":
                return None
            raise

    async def write(self, documents: Sequence[Document], gone: Sequence[int]) -> list[int]:
        """Return the ids of rejected documents, which are not in the index."""
        async with _Room(self._wire):
            await (
                self._tidy()
            )  # before the pointer is read: this may execute a switch that an earlier process left unfinished
            pointer = await self._current()
            if pointer is None:
                raise Unavailable("there is no search index yet")
            # Fails if the index is missing; otherwise Meilisearch would create it with default settings.
            await self._wire.get(f"/indexes/{pointer.uid}")
            sender = Sender(self._wire, pointer.uid, self._facet_labels)
            await sender.send(documents)
            await sender.finish()
            if removed := [*gone, *sender.refused]:
                answer = await self._wire.post(f"/indexes/{pointer.uid}/documents/delete-batch", removed)
                await settle(self._wire, answer["taskUid"], seconds=sender.seconds)
        return sender.refused

    async def rebuild(self, fingerprint: Fingerprint, batches: AsyncIterator[Sequence[Document]]) -> int:
        """Fill a new index, point to it, and delete the old one a little later."""
        async with _Room(self._wire):
            pointer = Pointer(uid_of(self._index, fingerprint), fingerprint, LAYOUT, self._facet_labels)
            await self._delete_others()
            await self._make(pointer.uid)
            sender = Sender(self._wire, pointer.uid, self._facet_labels, seconds=REBUILD_SECONDS)
            size = 0
            async for batch in batches:
                await sender.send(batch)
                size += len(batch)
                await sender.finish(but=MAX_WAITING)
            await sender.finish()
            await self._point_to(pointer)
            await asyncio.sleep(self._grace_seconds)
            await self._delete_others()
            return size - len(sender.refused)

    async def close(self) -> None:
        self._checked = False
        await self._wire.close()

    async def _current(self) -> Pointer | None:
        if not self._checked:
            await self._check_version()
            self._checked = True
        return await read_pointer(self._wire, self._index)

    async def _check_version(self) -> None:
        """Check the version. Keys from `search-index keys` may not read it; an old engine then rejects the settings."""
        try:
            version = str((await self._wire.get("/version"))["pkgVersion"])
        except Refusal as refusal:
            if refusal.status == 403:
                return
            raise
        if tuple(int(number) for number in re.findall(r"\d+", version)[:3]) < MIN_VERSION:
            raise _too_old(version)

    async def _make(self, uid: str) -> None:
        created = await self._wire.post("/indexes", {"uid": uid, "primaryKey": "id"})
        await settle(self._wire, created["taskUid"])
        found = await self._wire.get(f"/indexes/{uid}/settings")
        if wanted := differences(index_settings(self._facet_labels), found):
            try:
                changed = await self._wire.patch(f"/indexes/{uid}/settings", wanted)
            except Refusal as refusal:
                if refusal.refusal.startswith("invalid_settings"):
                    raise _too_old("an older version") from refusal
                raise
            await settle(self._wire, changed["taskUid"])

    async def _point_to(self, pointer: Pointer) -> None:
        """Switch to another index. If the task fails, the old index stays the current one."""
        answer = await self._wire.post(f"/indexes/{self._index}/documents?primaryKey=id", [pointer.document()])
        await settle(self._wire, answer["taskUid"])

    async def _delete_others(self) -> None:
        """Delete all indexes of this deployment except the current one, and cancel their tasks.

        A killed process may have left a switch unfinished. It is cancelled first: executed after the pointer was read
        here, it would point to an index that is deleted.
        """
        await self._call_off(self._index)
        current = await self._current()
        listed = (await self._wire.get("/indexes", limit=1000))["results"]
        kept = current.uid if current else ""
        for uid in [index["uid"] for index in listed if is_ours(self._index, index["uid"]) and index["uid"] != kept]:
            await self._call_off(uid)
            deleted = await self._wire.delete(f"/indexes/{uid}")
            await settle(self._wire, deleted["taskUid"])

    async def _call_off(self, uid: str) -> None:
        """Cancel the tasks of an index and wait until the running ones are finished or undone."""
        if not await has_unfinished(self._wire, uid):
            return
        await self._wire.post(f"/tasks/cancel?indexUids={uid}&statuses=enqueued,processing", {})
        await settle_all(self._wire, uid)

    async def _tidy(self) -> None:
        """Once a day, delete indexes left by killed processes, and old finished tasks."""
        if time.monotonic() - self._tidied_at < TIDY_SECONDS:
            return
        self._tidied_at = time.monotonic()
        await self._delete_others()
        await forget_tasks(self._wire, older_than=KEPT)


def _too_old(version: str) -> Misconfigured:
    oldest = ".".join(map(str, MIN_VERSION))
    return Misconfigured(f"search.url: Meilisearch {oldest} or newer is needed, found {version}")


class _Room:
    """If the engine's task list is full inside the context, deletes finished tasks, so that the caller can retry."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def __aenter__(self) -> None:
        return None

    async def __aexit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, Refusal) and error.refusal == "no_space_left_on_device":
            log.error("the task list of Meilisearch is full; deleting finished tasks")
            await forget_tasks(self._wire, older_than=ROOM)


async def forget_tasks(wire: Wire, *, older_than: timedelta) -> None:
    """Delete finished tasks. The request always has filters: without them the engine deletes all tasks."""
    before = (datetime.now(UTC) - older_than).isoformat().replace("+00:00", "Z")
    await wire.delete("/tasks", statuses="succeeded,failed,canceled", beforeFinishedAt=before)
