"""One search's requests to one index."""

from dataclasses import dataclass

from regdex.errors import Unavailable
from regdex.search import Document, Query
from regdex.search.meilisearch.conditions import Conditions
from regdex.search.meilisearch.facets import distribution_of
from regdex.search.meilisearch.fields import unpack
from regdex.search.meilisearch.requests import Asked, looks_inside, make_request
from regdex.search.meilisearch.wire import Wire

ENOUGH = 20


@dataclass(frozen=True, slots=True)
class Page:
    """What the engine found from an offset on; `total` is all of it."""

    documents: list[Document]
    total: int
    facets: dict[str, dict[str, int]]


@dataclass(slots=True)
class Asking:
    """How far the search goes is decided by its words and by how much is found, so it is the same for all pages.

    A single word is looked for inside of words from the first, several only when little else is found.
    """

    wire: Wire
    uid: str
    query: Query
    asked: Asked
    conditions: Conditions
    goes_far: bool = False

    def __post_init__(self) -> None:
        self.goes_far = len(self.asked.words) == 1

    async def page(self, offset: int, limit: int) -> Page:
        page = await self._page(offset, limit)
        if page.total < ENOUGH and not self.goes_far and looks_inside(self.asked):
            self.goes_far = True
            page = await self._page(offset, limit)
        return page

    async def _page(self, offset: int, limit: int) -> Page:
        body = make_request(
            self.query, self.asked, self.conditions, self.uid, offset=offset, limit=limit, goes_far=self.goes_far
        )
        answer = await self.wire.post("/multi-search", body)
        try:
            documents = [unpack(hit["stored"], hit.get("tags")) for hit in answer["hits"]]
            return Page(documents, int(answer["estimatedTotalHits"]), distribution_of(answer, self.uid))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise Unavailable("what answered is no search index of ours") from error
