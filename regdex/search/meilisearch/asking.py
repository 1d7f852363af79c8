"""One search's requests to one index."""

from dataclasses import dataclass

from regdex.errors import Unavailable
from regdex.search import Document, Query
from regdex.search.meilisearch.conditions import Conditions
from regdex.search.meilisearch.facets import distribution_of
from regdex.search.meilisearch.fields import unpack
from regdex.search.meilisearch.requests import Asked, make_request
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
        body = make_request(self.query, self.asked, self.conditions, self.uid, offset=offset, limit=limit)
        answer = await self.wire.post("/multi-search", body)
        try:
            documents = [unpack(hit["stored"], hit.get("tags")) for hit in answer["hits"]]
            return Page(documents, int(answer["estimatedTotalHits"]), distribution_of(answer, self.uid))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise Unavailable("what answered is no search index of ours") from error
