"""Searches the Tantivy index. Every search sees the last commit, also of another process."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import structlog
import tantivy

from regdex.errors import Unavailable
from regdex.search import FacetValue, Fingerprint, Found, Query
from regdex.search.language.query import Sort
from regdex.search.tantivy.place import MAX_LOGGED_LENGTH, Mark, Place, is_damage, mark, read_fingerprint
from regdex.search.tantivy.reading.facets import count_values
from regdex.search.tantivy.reading.queries import FIRST_HITS, Reach, Search
from regdex.search.tantivy.reading.state import Learning, State
from regdex.search.tantivy.reading.stored import read

log = structlog.get_logger()

THREADS = 4
MAX_WAITING = 256

# Documents are stored in the order of their names, so documents with equal values in a column are ordered by name.
_ORDERS: dict[Sort, dict[str, Any]] = {
    "relevance": {"order_by_field": "rank"},
    "name": {"order_by_field": "name", "order": tantivy.Order.Asc},
    "pushed": {"order_by_field": "pushed_at"},
    "pulled": {"order_by_field": "pulled_at"},
    "downloads": {"order_by_field": "downloads_30d"},
    "size": {"order_by_field": "size_bytes"},
    "stars": {"order_by_field": "stars"},
}


MAX_COUNTED = 64


@dataclass(frozen=True, slots=True)
class _Opened:
    """An open index. `pointer` and `meta` are the marks of the files when they were read."""

    pointer: Mark | None
    directory: Path
    index: tantivy.Index
    fingerprint: Fingerprint | None
    meta: Mark
    state: State


class TantivyIndex:
    """A SearchIndex on `directory`, which a TantivyWriter fills, in this process or in another.

    Searches run in threads of their own. Tantivy releases the GIL, so they do not block the event loop.
    """

    name = "tantivy"

    def __init__(self, directory: Path) -> None:
        self._place = Place(directory)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="search")
        self._lock = threading.Lock()
        self._opened: _Opened | None = None
        self._learning = Learning()
        self._waiting = 0

    async def search(self, query: Query) -> Found:
        """Search. Raise Unavailable if there is no readable index, or if too many searches wait."""
        if self._waiting >= MAX_WAITING:
            raise Unavailable("too many searches at once")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, self._search, query)
        finally:
            self._waiting -= 1

    async def fingerprint(self) -> Fingerprint | None:
        opened = self._opened
        if opened is None or opened.pointer != mark(self._place.pointer):
            opened = await asyncio.get_running_loop().run_in_executor(self._threads, self._open)
        return opened.fingerprint if opened else None

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._opened = None

    def _search(self, query: Query) -> Found:
        opened = self._open()
        if opened is None:
            raise Unavailable("there is no search index yet")
        try:
            found = _find(opened.state, query)
            if opened.state.has_missed_words:
                with suppress(RuntimeError):  # the threads were shut down meanwhile
                    self._threads.submit(self._learn, opened.state)
            return found
        except BaseException as error:
            if not is_damage(error):
                raise
            log.warning("search failed", error=str(error)[:MAX_LOGGED_LENGTH], index=opened.directory.name)
            raise Unavailable("the search index cannot be read") from error

    def _learn(self, state: State) -> None:
        try:
            self._learning.learn(state)
        except BaseException as error:
            if not is_damage(error):
                raise
            log.info("words of the search index not read", error=str(error)[:MAX_LOGGED_LENGTH])

    def _open(self) -> _Opened | None:
        """Return the current index at its last commit. Costs two system calls if nothing has changed."""
        with self._lock:
            for attempt in range(3):  # an index may be replaced and removed while it is opened
                try:
                    return self._refresh()
                except BaseException as error:
                    if not is_damage(error):
                        raise
                    self._opened = None
                    log.info("search index not opened", error=str(error)[:MAX_LOGGED_LENGTH], attempt=attempt)
            raise Unavailable("the search index cannot be opened")

    def _refresh(self) -> _Opened | None:
        pointer = mark(self._place.pointer)
        opened = self._opened
        if opened is None or opened.pointer != pointer:
            directory = self._place.current()
            if directory is None:
                self._opened = None
                return None
            meta = _meta(directory)
            index = tantivy.Index.open(str(directory))
            index.config_reader("manual")
            state = State(index.searcher(), index.schema)
            opened = _Opened(pointer, directory, index, read_fingerprint(directory), meta, state)
        elif (meta := _meta(opened.directory)) != opened.meta:
            opened.index.reload()
            opened = replace(opened, meta=meta, state=State(opened.index.searcher(), opened.state.schema))
        self._opened = opened
        return opened


def _meta(directory: Path) -> Mark:
    """Return the mark of the file that every commit replaces."""
    found = mark(directory / "meta.json")
    if found is None:
        raise FileNotFoundError("meta.json")
    return found


def _find(state: State, query: Query) -> Found:
    """Search, and widen the search only if little is found: hits after the first 1000 cannot be paged to anyway.

    The width depends on the index and the query only, not on page or order, so that all pages have one order.
    """
    search, searcher = Search(state, query), state.searcher
    if search.is_void:
        return Found([], 0, facets={facet: [] for facet in query.facets})
    limit = max(min(query.limit, FIRST_HITS - query.offset), 0)
    if search.is_empty:
        reach, result = Reach.EXACT, None
    else:
        reach, result = _find_words(searcher, search, query.offset + limit if query.sort == "relevance" else 1)
    if result is None or query.sort != "relevance":
        part = search.build(reach, is_scored=False)
        result = searcher.search(part, max(limit, 1), offset=query.offset, **_ORDERS[query.sort])
        hits = result.hits[:limit]
    else:
        hits = result.hits[query.offset : query.offset + limit]
    count, end = _count(result), query.offset + limit
    return Found(
        read(searcher, [address for _, address in hits]),
        count,
        next_offset=end if limit and end < min(count, FIRST_HITS) else None,
        facets=_count_values(state, search, reach, query),
    )


def _count_values(state: State, search: Search, reach: Reach, query: Query) -> dict[str, list[FacetValue]]:
    if not query.facets:
        return {}
    counted = state.counted
    of_all_pages = replace(query, offset=0, limit=0, sort="relevance")
    facets = counted.get(of_all_pages)
    if facets is None:
        facets = count_values(state.searcher, search.build(reach, is_scored=False), query.facets)
        while len(counted) >= MAX_COUNTED:
            counted.pop(next(iter(counted)), None)
        counted[of_all_pages] = facets
    return dict(facets)


def _find_words(searcher: tantivy.Searcher, search: Search, limit: int) -> tuple[Reach, tantivy.SearchResult]:
    """Widen the search until it finds enough. Return its reach and the first hits."""
    reach = Reach.EXACT if search.rarest() >= FIRST_HITS else Reach.TYPOS
    while True:
        result = searcher.search(search.build(reach), max(limit, 1), weight_by_field="rank")
        if search.is_enough(reach, _count(result), result.hits[0][0] if result.hits else 0.0):
            return reach, result
        reach = Reach(reach + 1)


def _count(result: tantivy.SearchResult) -> int:
    return int(result.count)  # type: ignore[attr-defined]  # missing in its stubs
