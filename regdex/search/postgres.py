"""The fallback search engine while no index answers: searches repository names in PostgreSQL.

Words match inside of repository names only: no typos, no descriptions, no Chinese. Conditions mean the same as in the
other engines. PostgreSQL filters by registry, project, numbers and wildcards; the other conditions are checked on the
documents that it finds, best first, at most `MAX_EXAMINED`. If more repositories match, `total` and facets cover only
these, and hits may be missing: `label:team=x` alone is then searched among the most downloaded repositories.
"""

import asyncio
from weakref import WeakKeyDictionary

from regdex.database import DRIVER_ERRORS, Pool
from regdex.errors import Unavailable
from regdex.search import MAX_TAGS, SHOWN_TAGS, Document, Fingerprint, Found, Query, tokens
from regdex.search.language.bounds import bounds_of, is_within_bounds
from regdex.search.language.query import MAX_WORDS, TextFilter
from regdex.search.matching import holds
from regdex.search.selection import select
from regdex.store.search.documents import read_documents
from regdex.store.search.name_search import Bounds, find_by_beginning, find_by_name, list_projects

MAX_FOUND = 1000
MAX_EXAMINED = 2000
TAGS_WITH_PHRASES = 100
TIMEOUT_SECONDS = 1.5
SCANS_SECONDS = 1.1
# A scan keeps one or two cores busy: more scans at once would make all of them time out.
MAX_SCANS_AT_ONCE = 2

_scanning: WeakKeyDictionary[object, asyncio.Semaphore] = WeakKeyDictionary()


class PostgresNames:
    """A SearchIndex on the catalog itself. `total` is at most 1000, or the matches among the examined documents."""

    name = "postgres"

    def __init__(self, db: Pool) -> None:
        self._db = db
        self._scanning = _scanning.setdefault(db, asyncio.Semaphore(MAX_SCANS_AT_ONCE))

    async def search(self, query: Query) -> Found:
        """Search names. Raise Unavailable when PostgreSQL does not answer within `TIMEOUT_SECONDS`."""
        words = _words(query.text)
        if query.text.strip() and not words:
            return select([], query)
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
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
        """Return the visible projects that match the filters of registry and project; None means all."""
        visible = None if query.project_ids is None else sorted(query.project_ids)
        conditions = [c for c in query.filters if isinstance(c, TextFilter) and c.field in ("registry", "project")]
        if not conditions:
            return visible
        rows = await list_projects(self._db, visible)
        named = (Document(id=0, registry=r["registry"], repository="", project=r["project"], project_id=r["id"])
                 for r in rows)  # fmt: skip
        return [project.project_id for project in named if all(holds(project, c) for c in conditions)]

    async def _find(self, query: Query, words: list[str], projects: list[int] | None) -> list[int]:
        """Return ids, best first. A text that begins with a registry's name is searched in that registry first.

        Phrases are searched in names first. Each scan reads all names; if one times out, the ids found before are
        returned.
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
                limit=MAX_FOUND if _is_decided(query) else MAX_EXAMINED,
            )

    async def _find_beginning(self, query: Query, name: str, projects: list[int] | None) -> list[int]:
        """Find names with this beginning by an index. Raise TimeoutError if the query needs more, or none is found."""
        ids: list[int] = []
        if name and _is_plain(name) and query.sort == "relevance" and bounds_of(query.filters) == Bounds():
            ids = await find_by_beginning(self._db, projects, name=name, limit=MAX_FOUND)
        if not ids:
            raise TimeoutError
        return ids

    async def _page(self, query: Query, ids: list[int]) -> Found:
        if _is_decided(query):
            end = query.offset + query.limit
            page = await self._read(ids[query.offset : end], SHOWN_TAGS)
            return Found(page, len(ids), end if end < len(ids) else None)
        has_tags = any(isinstance(c, TextFilter) and c.field == "tag" for c in query.filters)
        found = await self._read(ids, MAX_TAGS if has_tags else TAGS_WITH_PHRASES)
        return await asyncio.to_thread(select, found, query)

    async def _read(self, ids: list[int], max_tags: int) -> list[Document]:
        found = {document.id: document for document in await read_documents(self._db, ids, max_tags=max_tags)}
        return [found[id] for id in ids if id in found]


def _words(text: str) -> list[str]:
    """Return the words that a name must contain, or their parts (see `tokens.Word`)."""
    words = tokens.split(text, limit=MAX_WORDS)
    return list(dict.fromkeys(part for word in words for part in (word.parts or (word.text,))))


def _is_plain(text: str) -> bool:
    """Return whether a name can contain this text; otherwise no query is needed."""
    return text.isascii() and text.isprintable()


def _is_decided(query: Query) -> bool:
    """Return whether the SQL statement expresses the whole query, so that no document has to be checked."""
    if query.phrases or query.wildcards or query.without_phrases or query.without_wildcards or query.facets:
        return False
    if "/" in query.text and query.sort != "relevance":
        return False  # the ids may come from two scans
    return all(
        condition.field in ("registry", "project") if isinstance(condition, TextFilter) else is_within_bounds(condition)
        for condition in query.filters
    )
