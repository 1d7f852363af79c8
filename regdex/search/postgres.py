"""Names in PostgreSQL as a search engine: the fallback while no index answers.

Words are found inside of repository names, nowhere else: no typos, no descriptions, no Chinese. Conditions mean what
they mean everywhere: registry, project, numbers and wildcards are asked of PostgreSQL, the rest is looked for in the
documents of what that finds, best first, at most `MOST_LOOKED_AT`. Where more fits the words, `total` and facets are of
those, and hits may be missing: `label:team=x` alone is then looked for among the repositories most downloaded.
"""

import asyncio
from weakref import WeakKeyDictionary

from regdex.database import DRIVER_ERRORS, Pool
from regdex.errors import Unavailable
from regdex.search import MOST_TAGS, SHOWN_TAGS, Document, Fingerprint, Found, Query, tokens
from regdex.search.language.bounds import bounds_of, is_within_bounds
from regdex.search.language.query import TextFilter
from regdex.search.matching import holds
from regdex.search.selection import select
from regdex.store.search.documents import read_documents
from regdex.store.search.name_search import Bounds, find_by_beginning, find_by_name, list_projects

MOST_WORDS = 10
MOST_FOUND = 1000
MOST_LOOKED_AT = 2000
TAGS_WITH_PHRASES = 100
LONGEST_SECONDS = 1.5
SCANS_SECONDS = 1.1
# A scan keeps a core busy, or two: more at once would only make all of them late.
MOST_SCANS_AT_ONCE = 2

_scanning: WeakKeyDictionary[object, asyncio.Semaphore] = WeakKeyDictionary()


class PostgresNames:
    """SearchIndex on the catalog itself. `total` is at most 1000, or of what was looked at."""

    name = "postgres"

    def __init__(self, db: Pool) -> None:
        self._db = db
        self._scanning = _scanning.setdefault(db, asyncio.Semaphore(MOST_SCANS_AT_ONCE))

    async def search(self, query: Query) -> Found:
        """Unavailable when PostgreSQL does not answer in time."""
        words = _words(query.text)
        if query.text.strip() and not words:
            return select([], query)
        try:
            async with asyncio.timeout(LONGEST_SECONDS):
                projects = await self._projects(query)
                ids = await self._find(query, words, projects) if projects != [] else []
                return await self._page(query, ids)
        except DRIVER_ERRORS as error:
            raise Unavailable("names could not be searched in time") from error

    async def fingerprint(self) -> Fingerprint | None:
        return None

    async def close(self) -> None:
        pass

    async def _projects(self, query: Query) -> list[int] | None:
        """Those that may be seen and that filters of registry and project hold for; None for all."""
        visible = None if query.project_ids is None else sorted(query.project_ids)
        conditions = [c for c in query.filters if isinstance(c, TextFilter) and c.field in ("registry", "project")]
        if not conditions:
            return visible
        rows = await list_projects(self._db, visible)
        named = (Document(id=0, registry=r["registry"], repository="", project=r["project"], project_id=r["id"])
                 for r in rows)  # fmt: skip
        return [project.project_id for project in named if all(holds(project, c) for c in conditions)]

    async def _find(self, query: Query, words: list[str], projects: list[int] | None) -> list[int]:
        """Ids, best first: of a name that begins with a registry's those in it, of phrases those with them in names.

        Each is a scan of all names; what one has found is an answer where the next takes too long.
        """
        name = tokens.fold(query.text.strip()).replace(" ", "-")
        scans = [(name, words, projects)]
        if query.phrases:
            in_names = words + [word for phrase in query.phrases for word in tokens.sequence(phrase)]
            scans.insert(0, (name, in_names, projects))
        registry, _, rest = name.partition("/")
        if rest and _is_plain(registry):
            rows = await list_projects(self._db, projects, registry=registry)
            if rows:
                scans.insert(0, (rest, _words(rest), [row["id"] for row in rows]))
        ends_at = asyncio.get_running_loop().time() + SCANS_SECONDS
        ids: dict[int, None] = {}
        for scan in scans:
            try:
                async with asyncio.timeout_at(ends_at):
                    ids.update(dict.fromkeys(await self._scan(query, *scan)))
            except TimeoutError:
                if not ids:
                    return await self._find_beginning(query, name, projects)
        return list(ids)

    async def _scan(self, query: Query, name: str, words: list[str], projects: list[int] | None) -> list[int]:
        globs = [tokens.fold(glob) for glob in query.wildcards]
        if not all(map(_is_plain, (*words, *globs))):
            return []
        async with self._scanning:
            return await find_by_name(
                self._db,
                projects,
                name=name if _is_plain(name) else "",
                words=words,
                globs=globs,
                bounds=bounds_of(query.filters),
                sort=query.sort,
                limit=MOST_FOUND if _is_decided(query) else MOST_LOOKED_AT,
            )

    async def _find_beginning(self, query: Query, name: str, projects: list[int] | None) -> list[int]:
        """What an index finds at once; TimeoutError where that is not what was asked, or nothing: others may fit."""
        ids: list[int] = []
        if name and _is_plain(name) and query.sort == "relevance" and bounds_of(query.filters) == Bounds():
            ids = await find_by_beginning(self._db, projects, name=name, limit=MOST_FOUND)
        if not ids:
            raise TimeoutError
        return ids

    async def _page(self, query: Query, ids: list[int]) -> Found:
        if _is_decided(query):
            end = query.offset + query.limit
            page = await self._read(ids[query.offset : end], SHOWN_TAGS)
            return Found(page, len(ids), end if end < len(ids) else None)
        has_tags = any(isinstance(c, TextFilter) and c.field == "tag" for c in query.filters)
        found = await self._read(ids, MOST_TAGS if has_tags else TAGS_WITH_PHRASES)
        return await asyncio.to_thread(select, found, query)

    async def _read(self, ids: list[int], max_tags: int) -> list[Document]:
        found = {document.id: document for document in await read_documents(self._db, ids, max_tags=max_tags)}
        return [found[id] for id in ids if id in found]


def _words(text: str) -> list[str]:
    """What has to be in a name: words, or their parts where they have seams."""
    words = tokens.split(text, limit=MOST_WORDS)
    return list(dict.fromkeys(part for word in words for part in (word.parts or (word.text,))))


def _is_plain(text: str) -> bool:
    """Whether a name may hold this: what it has else, PostgreSQL need not be asked for."""
    return text.isascii() and text.isprintable()


def _is_decided(query: Query) -> bool:
    """Whether PostgreSQL's statement says all that the query says, so that documents need not be looked at."""
    if query.phrases or query.wildcards or query.without_phrases or query.without_wildcards or query.facets:
        return False
    if "/" in query.text and query.sort != "relevance":
        return False  # it may be of two scans
    return all(
        condition.field in ("registry", "project") if isinstance(condition, TextFilter) else is_within_bounds(condition)
        for condition in query.filters
    )
