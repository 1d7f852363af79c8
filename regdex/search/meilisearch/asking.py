"""One search's requests to one index."""

from dataclasses import dataclass
from typing import Any

from regdex.errors import Unavailable
from regdex.search import Document, Query
from regdex.search.meilisearch.conditions import Conditions
from regdex.search.meilisearch.facets import distribution_of
from regdex.search.meilisearch.fields import unpack
from regdex.search.meilisearch.requests import Asked, is_enough, make_far_request, make_request
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
        near = make_request(self.query, self.asked, self.conditions, offset=offset, limit=limit)
        found = _read(await self.wire.post(f"/indexes/{self.uid}/search", near), self.uid)
        first = found.documents[0] if found.documents else None
        if is_enough(self.asked, self.conditions, found.total, first):
            return found
        far = make_far_request(
            self.query, self.asked, self.conditions, self.uid, offset=offset, limit=limit, is_last=not found.total
        )
        return _read(await self.wire.post("/multi-search", far), self.uid)


def _read(answer: Any, uid: str) -> Page:
    try:
        documents = [unpack(hit["stored"], hit.get("tags")) for hit in answer["hits"]]
        return Page(documents, int(answer["estimatedTotalHits"]), distribution_of(answer, uid))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Unavailable("what answered is no search index of ours") from error
