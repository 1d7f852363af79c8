"""Writes the Tantivy index, from the one process that publishes."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

import structlog
import tantivy

from regdex.errors import Unavailable
from regdex.search import Document, Fingerprint
from regdex.search.tantivy.layout import SORTED_BY, make_json, make_schema
from regdex.search.tantivy.place import MAX_LOGGED_LENGTH, Place, is_damage, read_fingerprint

log = structlog.get_logger()

MEMORY_BYTES = 15_000_000  # the minimum of Tantivy; batches are small
REBUILD_MEMORY_BYTES = 64_000_000

Result = TypeVar("Result")


class TantivyWriter:
    """A SearchWriter on `directory`. The first use takes the directory's lock; Unavailable if another process has it.

    All work runs in one thread, in order. `close` releases the lock.
    """

    def __init__(self, directory: Path) -> None:
        self._place = Place(directory)
        self._thread: ThreadPoolExecutor | None = None
        self._lock: int | None = None
        self._schema = make_schema()
        self._writer: tantivy.IndexWriter | None = None

    async def fingerprint(self) -> Fingerprint | None:
        return await self._run(self._fingerprint)

    async def count(self) -> int | None:
        return await self._run(self._count)

    async def write(self, documents: Sequence[Document], gone: Sequence[int]) -> list[int]:
        await self._run(lambda: self._write(documents, gone))
        return []

    async def rebuild(self, fingerprint: Fingerprint, batches: AsyncIterator[Sequence[Document]]) -> int:
        """Build the index `fingerprint.index_id`. If the process is killed at any step, the old index stays current."""
        directory, writer = await self._run(lambda: self._begin(fingerprint))
        size = 0
        adding: asyncio.Future[None] | None = None
        async for batch in batches:  # one batch is read while the one before it is added
            if adding is not None:
                await adding
            adding = asyncio.ensure_future(self._run(partial(self._add, writer, batch)))
            size += len(batch)
        if adding is not None:
            await adding
        await self._run(lambda: self._swap(directory, writer))
        return size

    async def close(self) -> None:
        """Release the directory after the running write. The writer can be used again afterwards."""
        thread, self._thread = self._thread, None
        if thread is not None:
            await asyncio.get_running_loop().run_in_executor(thread, self._release)
            thread.shutdown(wait=False)

    async def _run(self, work: Callable[[], Result]) -> Result:
        def run() -> Result:
            if self._lock is None:
                self._lock = self._place.lock()
            try:
                return work()
            except BaseException as error:
                if not is_damage(error):
                    raise
                self._writer = None
                raise Unavailable(f"the search index cannot be written: {str(error)[:MAX_LOGGED_LENGTH]}") from error

        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="search-writer")
        return await asyncio.get_running_loop().run_in_executor(self._thread, run)

    def _fingerprint(self) -> Fingerprint | None:
        """Return None also for an index with truncated files, so that it is rebuilt like a missing one."""
        directory = self._place.current()
        return read_fingerprint(directory) if directory and _can_be_opened(directory) else None

    def _count(self) -> int | None:
        directory = self._place.current()
        return tantivy.Index.open(str(directory)).searcher().num_docs if directory else None

    def _write(self, documents: Sequence[Document], gone: Sequence[int]) -> None:
        if self._writer is None:
            directory = self._place.current()
            if directory is None:
                raise Unavailable("there is no search index yet")
            self._writer = tantivy.Index.open(str(directory)).writer(MEMORY_BYTES, 1)
        try:
            for repository_id in (*gone, *(document.id for document in documents)):
                self._writer.delete_documents_by_term("id", repository_id)
            self._add(self._writer, documents)
            self._writer.commit()
        except BaseException:
            self._writer = None  # this discards uncommitted changes
            raise

    def _add(self, writer: tantivy.IndexWriter, documents: Sequence[Document]) -> None:
        for document in documents:
            writer.add_json(make_json(document))

    def _begin(self, fingerprint: Fingerprint) -> tuple[Path, tantivy.IndexWriter]:
        self._place.remove_others()
        directory = self._place.make(fingerprint)
        return directory, _make_index(directory, self._schema).writer(REBUILD_MEMORY_BYTES, 1)

    def _swap(self, directory: Path, writer: tantivy.IndexWriter) -> None:
        writer.commit()
        writer.wait_merging_threads()
        self._writer = None
        self._place.point_to(directory)
        self._place.remove_others()

    def _release(self) -> None:
        self._writer = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _can_be_opened(directory: Path) -> bool:
    """Return whether the index can be opened, which reads the footer of every file: 0.5 ms at a million documents."""
    try:
        tantivy.Index.open(str(directory)).searcher()
    except BaseException as error:
        if not is_damage(error):
            raise
        log.warning("the search index is damaged", error=str(error)[:MAX_LOGGED_LENGTH], index=directory.name)
        return False
    return True


def _make_index(directory: Path, schema: tantivy.Schema) -> tantivy.Index:
    """Create an index. Documents are stored in the order of names: neighbours are similar, which halves the size."""
    return tantivy.Index(schema, path=str(directory), sort_by_field=SORTED_BY)
