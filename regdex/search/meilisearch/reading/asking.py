"""One search's requests to one index."""

from dataclasses import dataclass, replace
from typing import Any

from regdex.errors import Unavailable
from regdex.search import Document, Query
from regdex.search.meilisearch.fields import unpack
from regdex.search.meilisearch.reading.conditions import Conditions
from regdex.search.meilisearch.reading.facets import distribution_of
from regdex.search.meilisearch.reading.requests import ENOUGH, Asked, is_enough, make_far_request, make_request
from regdex.search.meilisearch.wire import Wire


@dataclass(frozen=True, slots=True)
class Page:
    """What the engine found from an offset on; `total` is all of it."""

    documents: list[Document]
    total: int
    facets: dict[str, dict[str, int]]


@dataclass(slots=True)
class Asking:
    """One request a page, the same but for its bounds, so that all pages show one order."""

    wire: Wire
    uid: str
    query: Query
    asked: Asked
    conditions: Conditions

    async def page(self, offset: int, limit: int) -> Page:
        found = await self._near(self.query, offset, limit)
        if is_enough(self.asked, self.conditions, found.total, await self._best(found, offset)):
            return found
        far = make_far_request(
            self.query, self.asked, self.conditions, self.uid, offset=offset, limit=limit, is_last=not found.total
        )
        return _read(await self.wire.post("/multi-search", far), self.uid)

    async def _near(self, query: Query, offset: int, limit: int) -> Page:
        near = make_request(query, self.asked, self.conditions, offset=offset, limit=limit)
        return _read(await self.wire.post(f"/indexes/{self.uid}/search", near), self.uid)

    async def _best(self, found: Page, offset: int) -> Document | None:
        """The best of little that was found, whatever the page and its order, which must not say how far to go."""
        if found.total >= ENOUGH:
            return None
        if found.total and (offset or self.query.sort != "relevance"):
            found = await self._near(replace(self.query, sort="relevance", facets=()), 0, 1)
        return found.documents[0] if found.documents else None


def _read(answer: Any, uid: str) -> Page:
    try:
        documents = [unpack(hit["stored"], hit.get("tags")) for hit in answer["hits"]]
        return Page(documents, int(answer["estimatedTotalHits"]), distribution_of(answer, uid))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Unavailable("what answered is no search index of ours") from error
