"""The requests of one search to one index."""

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
    """Documents from an offset on; `total` is the number of all matches."""

    documents: list[Document]
    total: int
    facets: dict[str, dict[str, int]]


@dataclass(slots=True)
class Asking:
    """Requests the pages of one search. Requests differ only in offset and limit, so that all pages have one order."""

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
        """Return the best match if there are few. It must not depend on the page or on the order of the query."""
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
        raise Unavailable("the response is not from an index of Regdex") from error
