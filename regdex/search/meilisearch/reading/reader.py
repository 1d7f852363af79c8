"""Searches the Meilisearch index that the pointer names."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

import structlog

from regdex.errors import Unavailable
from regdex.network.breaker import Breaker
from regdex.search import Fingerprint, Found, Query
from regdex.search.meilisearch.layout import MAX_HITS
from regdex.search.meilisearch.pointer import Pointer, read_pointer
from regdex.search.meilisearch.reading.asking import Asking
from regdex.search.meilisearch.reading.conditions import fields_to_know, read_conditions, see_only
from regdex.search.meilisearch.reading.facets import read_facets
from regdex.search.meilisearch.reading.known import KnownValues
from regdex.search.meilisearch.reading.requests import Asked, read_words
from regdex.search.meilisearch.reading.verifying import verify
from regdex.search.meilisearch.wire import Refusal, SearchWire

log = structlog.get_logger()

Result = TypeVar("Result")

# Shorter than the time limit of the use case, so that the breaker here counts the timeout.
SEARCH_SECONDS = 1.5
POINTER_SECONDS = 1.0


class MeilisearchIndex:
    """A SearchIndex on the indexes of `index`. A key that may only search suffices.

    After repeated failures a breaker pauses requests: until it closes, every search raises Unavailable at once.
    """

    name = "meilisearch"

    def __init__(
        self, url: str, api_key: str = "", *, index: str = "regdex", clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._wire = SearchWire(url, api_key, seconds=SEARCH_SECONDS)
        self._values = KnownValues(self._wire, clock)
        self._index = index
        self._clock = clock
        self._breaker = Breaker(threshold=3, first_seconds=1, last_seconds=10, clock=clock)
        self._pointer: Pointer | None = None
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()

    async def search(self, query: Query) -> Found:
        asked = read_words(query)
        if asked.is_void or query.project_ids == frozenset() or query.limit < 1:
            return Found([], 0, facets={facet: [] for facet in query.facets})
        if query.project_ids is not None:
            see_only(query.project_ids)  # raises before the breaker counts it: this is not a failure of the engine
        found = await self._guarded(lambda: self._search(query, asked))
        if found is None:
            raise Unavailable("there is no search index yet")
        return found

    async def fingerprint(self) -> Fingerprint | None:
        pointer = await self._guarded(self._current)
        return pointer.fingerprint if pointer else None

    async def close(self) -> None:
        await self._wire.close()

    async def _guarded(self, work: Callable[[], Awaitable[Result]]) -> Result:
        """Run `work` unless the breaker is open, and report its result to the breaker."""
        if (seconds := self._breaker.wait_seconds()) > 0:
            raise Unavailable(
                "Meilisearch failed repeatedly; requests to it are paused", retry_after_seconds=int(seconds) + 1
            )
        self._breaker.enter()
        try:
            result = await work()
        except Refusal as refusal:
            if refusal.status >= 500 or not refusal.refusal:
                self._breaker.fail()
            else:
                self._breaker.succeed()
                log.warning("search refused", status=refusal.status, code=refusal.refusal, index=self._index)
            raise
        except Unavailable:
            self._breaker.fail()
            raise
        except BaseException:
            self._breaker.abandon()
            raise
        self._breaker.succeed()
        return result

    async def _search(self, query: Query, asked: Asked) -> Found | None:
        """Search. A missing index was replaced within the last second, so read the pointer again, once."""
        try:
            return await self._find(query, asked)
        except Refusal as refusal:
            if refusal.refusal != "index_not_found":
                raise
            self._read_at = float("-inf")
            return await self._find(query, asked)

    async def _find(self, query: Query, asked: Asked) -> Found | None:
        pointer = await self._current()
        if pointer is None:
            return None
        fields = fields_to_know(query)
        conditions = read_conditions(query, await self._values.read(pointer.uid, fields) if fields else None)
        # Label keys added to the settings after the index was built can be counted only after a rebuild.
        counted = tuple(facet for facet in query.facets if pointer.counts(facet))
        asking = Asking(self._wire, pointer.uid, replace(query, facets=counted), asked, conditions)
        if not conditions.is_exact:
            return await verify(asking, query)
        page = await asking.page(query.offset, min(query.limit, MAX_HITS))
        end = query.offset + query.limit
        return Found(
            page.documents,
            page.total,
            next_offset=end if end < min(page.total, MAX_HITS) else None,
            facets=read_facets(query.facets, page.facets),
        )

    async def _current(self) -> Pointer | None:
        async with self._reading:
            if self._clock() - self._read_at > POINTER_SECONDS:
                self._pointer = await read_pointer(self._wire, self._index)
                self._read_at = self._clock()
            return self._pointer
