"""Reads one listing, the catalog or a repository's tags, page by page to its end.

A listing that ends without an error is whole. One that cannot be read to its end yields the pages before the failure,
then raises RegistryError: `list_incomplete` if the answers have no usable next page, else the problem of the request.
Source: distribution specification, "Listing Tags"; comments name the registries that deviate from it.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, quote

from indexer.registry.answered import Answered
from indexer.registry.egress import Answer
from indexer.registry.links import MAX_SHOWN_CHARACTERS, NextLink, find_next
from regdex.errors import InvalidArgument, RegistryError

ENTRIES_AT_ONCE = 10_000
# No registry is known to put fewer names than this on a page that is not the last.
MIN_LIMIT = 10
SMALLER_SIZES = (100, 50, 10)

Ask = Callable[[str], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class NamePage:
    """One page of a listing, in the registry's order, without repeats.

    `rejected` counts entries that are not valid names. `next` is the query of the next page; None on the last page.
    """

    names: tuple[str, ...]
    rejected: int
    next: str | None
    answered: Answered

    @property
    def at(self) -> datetime:
        return self.answered.at


class PageSize:
    """The number of names to request on a page of one registry; `shrink` it when the registry refuses the number.

    It also remembers the lengths of pages, of the catalog and of tags, in this read of the registry. A registry that
    sends fewer names than requested may have its own maximum. A page is not cut at this maximum if it is shorter than
    another one, or no longer than one after which nothing came.
    """

    def __init__(self, size: int) -> None:
        self._size: int | None = size
        self._longest: dict[bool, int] = {}
        self._last: dict[bool, int] = {}  # the longest page after which nothing came

    def may_be_cut(self, count: int, *, is_catalog: bool) -> bool:
        """Note a page of `count` names, fewer than requested; return whether names may follow it."""
        longest = self._longest.get(is_catalog, 0)
        self._longest[is_catalog] = max(longest, count)
        return count >= max(longest, MIN_LIMIT) and count > self._last.get(is_catalog, 0)

    def note_last(self, count: int, *, is_catalog: bool) -> None:
        """Note that nothing came after a page of `count` names."""
        self._last[is_catalog] = max(count, self._last.get(is_catalog, 0))

    def forget(self) -> None:
        """Forget the pages of an earlier read, because the registry may have a lower maximum since then."""
        self._longest.clear()
        self._last.clear()

    @property
    def query(self) -> str:
        return f"n={self._size}" if self._size else ""

    def shrink(self) -> bool:
        """Request fewer names from now on, in the end without a number; return False if that was so already."""
        if self._size is None:
            return False
        self._size = next((size for size in SMALLER_SIZES if size < (self._size or 0)), None)
        return True


@dataclass(frozen=True, slots=True)
class _Page:
    """One answer. `entries` are as the registry sent them; `asked` is the `n` of the query, None without one."""

    entries: list[Any]
    asked: int | None
    link: NextLink | None
    answered: Answered


class Listing:
    """One listing. `ask` requests a query, `pick` takes the entries from the answer, `check` refuses invalid names.

    At most `max_pages` pages and `max_names` entries are read.
    """

    def __init__(
        self,
        path: str,
        ask: Ask,
        pick: Callable[[Answer], list[Any]],
        check: Callable[[str], None],
        size: PageSize,
        *,
        max_pages: int,
        max_names: int,
    ) -> None:
        self._path = path
        self._is_catalog = path.endswith("/_catalog")
        self._ask = ask
        self._pick = pick
        self._check = check
        self._size = size
        self._max_pages = max_pages
        self._max_names = max_names
        self._seen: set[int] = set()
        self._limit: int | None = None  # the registry's own maximum of names on a page, where below `n`
        self._has_links = False

    async def page(self, cursor: str | None) -> NamePage:
        """Return a single page; `next` is None also where its Link cannot be followed."""
        page = await self._first(cursor)
        names, rejected, _ = await self._sort(page)
        return NamePage(names, rejected, (page.link.cursor if page.link else "") or None, page.answered)

    async def pages(self, cursor: str | None) -> AsyncIterator[NamePage]:
        """Yield all pages from `cursor` on, from the first page where None."""
        page: _Page | None = await self._first(cursor)
        is_first = True
        before: _Page | None = None  # the page before `page`, if `page` was requested by `last=` and not by a Link
        for _ in range(self._max_pages):
            names, rejected, fresh = await self._sort(page) if page else ((), 0, 0)
            if page is None or (not fresh and (not is_first or page.link is not None)):
                await self._check_end(page, before)
                return
            is_first = False
            if before is not None:
                self._limit = len(before.entries)
            self._has_links |= page.link is not None
            following = self._following(page)
            yield NamePage(names, rejected, following, page.answered)
            if page.link is not None and page.link.problem:
                raise _incomplete(page.link.problem)
            if max(len(page.entries), len(self._seen)) > self._max_names:
                raise _incomplete(f"more than {self._max_names} names")
            if following is None:
                return
            before = page if page.link is None else None
            page = await self._later(following, is_guess=before is not None)
        raise RegistryError("too_large", f"more than {self._max_pages} pages")

    async def _first(self, cursor: str | None) -> _Page:
        if cursor is not None:
            return await self._get(cursor)
        if self._is_catalog:
            self._size.forget()
        while True:
            try:
                return await self._get(self._size.query)
            except RegistryError as error:
                if error.problem != "unsupported" or not self._size.shrink():
                    raise

    async def _later(self, query: str, *, is_guess: bool) -> _Page | None:
        """Return a later page; None where the registry refuses a `last=` that no Link named."""
        try:
            return await self._get(query)
        except RegistryError as error:
            if error.problem not in ("not_found", "unsupported"):
                raise
            if is_guess:
                return None
            raise _incomplete(f"the page ?{query[:MAX_SHOWN_CHARACTERS]} of its Link: {error}") from error

    async def _get(self, query: str) -> _Page:
        answer = await self._ask(query)
        asked = dict(parse_qsl(query)).get("n", "")
        size = int(asked) if asked.isascii() and asked.isdecimal() and len(asked) < 10 else None
        link = find_next(answer.headers.getall("Link", ()), self._path)
        return _Page(self._pick(answer), size, link, answer.answered)

    async def _sort(self, page: _Page) -> tuple[tuple[str, ...], int, int]:
        """Return the valid names on a page, and the numbers of invalid entries and of entries on no earlier page."""
        names: dict[str, None] = {}
        rejected, known = 0, len(self._seen)
        entries = page.entries[: self._max_names]
        for start in range(0, len(entries), ENTRIES_AT_ONCE):
            for entry in entries[start : start + ENTRIES_AT_ONCE]:
                if not isinstance(entry, str):
                    rejected += 1
                    continue
                self._seen.add(hash(entry))
                try:
                    self._check(entry)
                    names[entry] = None
                except InvalidArgument:
                    rejected += 1
            await asyncio.sleep(0)  # a huge page must not hold up the other tasks of the process
        return tuple(names), rejected, len(self._seen) - known

    def _following(self, page: _Page) -> str | None:
        """Return the query of the next page: from the Link, or by `last=` where the page may not be the last."""
        if page.link is not None:
            return page.link.cursor or None
        count = len(page.entries)
        if page.asked is None or not 0 < count <= page.asked:
            return None
        if count < page.asked and not self._size.may_be_cut(count, is_catalog=self._is_catalog):
            return None
        last = next((entry for entry in reversed(page.entries) if isinstance(entry, str)), None)
        if last is None:
            raise _incomplete("a page that may not be the last has no name to continue after")
        return f"n={page.asked}&last={quote(last, safe='')}"

    async def _check_end(self, page: _Page | None, before: _Page | None) -> None:
        """Raise `list_incomplete` unless a page without new names is the end of the list."""
        if before is not None:
            self._size.note_last(len(before.entries), is_catalog=self._is_catalog)
        if page is not None and not page.entries and page.link is None:
            return
        if page is not None and page.link is not None and page.link.problem:
            raise _incomplete(page.link.problem)
        if before is None:
            raise _incomplete("the pages form a circle: one has only names of earlier pages")
        if len(before.entries) != before.asked and self._limit is None:
            return  # shorter than requested, so it was the last
        if self._has_links or await self._ignores_size():
            return
        raise _incomplete(f"a page of {len(before.entries)} names, as many as requested, has no Link to the next one")

    async def _ignores_size(self) -> bool:
        """Return whether a page without a Link is the last one; requests a page of one name to find out.

        It is if the registry ignores `n` and sends all names, as Distribution 2.8 does for tags, or if it sends a Link.
        """
        try:
            page = await self._get("n=1")
        except RegistryError as error:
            if error.problem not in ("not_found", "unsupported"):
                raise
            return False
        return len(page.entries) > 1 or (page.link is not None and not page.link.problem)


def _incomplete(reason: str) -> RegistryError:
    return RegistryError("list_incomplete", reason)
