"""Lists the catalog ahead of reading its repositories, so that the number of repositories is known early."""

import asyncio
from collections.abc import AsyncGenerator

from indexer.kinds import Source
from indexer.registry.client import TRANSIENT, NamePage
from regdex.errors import RegistryError
from regdex.store.queues.backfills import Progress

PAGES_AHEAD = 100


class Catalog:
    """The catalog of one registry; adds the number of listed repositories to `progress`."""

    def __init__(self, source: Source, progress: Progress) -> None:
        self._source = source
        self._progress = progress

    async def pages(self, cursor: str | None) -> AsyncGenerator[NamePage]:
        """Yield the pages from the cursor on; RegistryError after the last one that can be read.

        Begins at the first page if the registry refuses the cursor.
        """
        queue: asyncio.Queue[NamePage | RegistryError | None] = asyncio.Queue(PAGES_AHEAD)
        listing = asyncio.create_task(self._list(queue, cursor))
        try:
            while (page := await queue.get()) is not None:
                if isinstance(page, RegistryError):
                    raise page
                yield page
        finally:
            listing.cancel()
            await asyncio.gather(listing, return_exceptions=True)

    async def _list(self, queue: "asyncio.Queue[NamePage | RegistryError | None]", cursor: str | None) -> None:
        listed = 0
        try:
            async for page in self._source.repositories(cursor):
                listed += 1
                self._progress.repository_total += len(page.names)
                await queue.put(page)
            await queue.put(None)
        except RegistryError as error:
            if listed or cursor is None or error.problem in TRANSIENT:
                await queue.put(error)
            else:
                # The registry no longer accepts the cursor.
                await self._list(queue, None)
