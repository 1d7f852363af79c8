"""Every engine finds what `regdex.search.matching` says: over all pages, in order, with the right counts.

Documents are of a seed: `REGDEX_TEST_SEED`, else a new one each run, shown when something fails.
"""

import os
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from random import SystemRandom
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import given, note, settings
from hypothesis import strategies as st

from regdex.search import SHOWN_TAGS, Document, Found, Query, SearchIndex
from regdex.search.language.query import LABEL_FACET, MAX_FACET_VALUES
from regdex.search.matching import matches, texts_of
from tests.regdex.search.arbitrary import make_documents, queries
from tests.regdex.search.conftest import ENGINES, fingerprint, in_batches

SEED = int(os.environ.get("REGDEX_TEST_SEED") or SystemRandom().randrange(10**6))
DOCUMENTS = make_documents(SEED, 150)
BY_ID = {document.id: document for document in DOCUMENTS}
SEARCHES = settings(max_examples=150, deadline=None, report_multiple_bugs=False)


@pytest_asyncio.fixture(scope="module", params=list(ENGINES))
async def index(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SearchIndex]:
    """Each engine with the documents."""
    made = await ENGINES[request.param](tmp_path_factory.mktemp("conditions"))
    await made.writer.rebuild(fingerprint(), in_batches(DOCUMENTS))
    yield made.index
    await made.index.close()
    await made.writer.close()


@dataclass(frozen=True, slots=True)
class Whole:
    """All pages of a query."""

    hits: list[Document]
    first: Found

    @property
    def ids(self) -> set[int]:
        return {hit.id for hit in self.hits}


async def read_all(index: SearchIndex, query: Query) -> Whole:
    """Follow `next_offset` to the end, which comes; every page has the same counts and no hit comes twice."""
    note(f"REGDEX_TEST_SEED={SEED}")
    pages = [await index.search(query)]
    while (offset := pages[-1].next_offset) is not None:
        assert offset > query.offset
        query = replace(query, offset=offset)
        pages.append(await index.search(query))
    hits = [whole(document) for page in pages for document in page.documents]
    assert len({hit.id for hit in hits}) == len(hits)
    assert all(len(page.documents) <= query.limit for page in pages)
    return Whole(hits, pages[0])


def whole(hit: Document) -> Document:
    """With all tags; of a hit an engine gives back at least the first ones."""
    document = BY_ID[hit.id]
    assert hit.tags[:SHOWN_TAGS] == document.tags[:SHOWN_TAGS]
    assert replace(hit, tags=document.tags) == document
    return document


@SEARCHES
@given(query=queries(DOCUMENTS, text=st.just("")))
async def test_what_fits_the_conditions_is_found_and_nothing_else(index: SearchIndex, query: Query) -> None:
    found = await read_all(index, query)

    wanted = {document.id for document in DOCUMENTS if matches(document, query)}
    assert found.ids == wanted
    assert_counts(query, found)
    assert_order(query, found.hits)


@SEARCHES
@given(query=queries(DOCUMENTS, text=st.sampled_from(("gateway", "paymnet", "api node20", "支付", "zhifu", "core-x"))))
async def test_conditions_take_away_from_what_words_find_and_add_nothing(index: SearchIndex, query: Query) -> None:
    found = await read_all(index, query)

    of_words = await read_all(index, Query(text=query.text, limit=1000))
    assert all(matches(hit, query) for hit in found.hits)
    assert found.ids >= {hit.id for hit in of_words.hits if matches(hit, query)}
    assert_counts(query, found)
    assert_order(query, found.hits)


def assert_counts(query: Query, found: Whole) -> None:
    """The total and the facets are those of all pages together."""
    assert set(found.first.facets) == set(query.facets)
    for values in found.first.facets.values():
        assert [value.count for value in values] == sorted((value.count for value in values), reverse=True)
    assert found.first.total == len(found.hits)
    for name, values in found.first.facets.items():
        counts = count_by(name, found.hits)
        assert all(counts[value.value] == value.count for value in values), name
        # Where there are more values than are shown, which of the equally frequent ones is left open.
        assert [v.count for v in values] == sorted(counts.values(), reverse=True)[:MAX_FACET_VALUES], name


def count_by(name: str, hits: Sequence[Document]) -> Counter[str]:
    """What a facet has to say."""
    return Counter(value for hit in hits for value in {*facet_values(name, hit)})


def facet_values(name: str, hit: Document) -> Sequence[str]:
    if name == "signed":
        return ("true",) if hit.signed else ("false",)
    if name.startswith(LABEL_FACET):
        start = name.removeprefix(LABEL_FACET) + "="
        return [label.removeprefix(start) for label in hit.labels if label.startswith(start)]
    return texts_of(hit, name)


def assert_order(query: Query, hits: Sequence[Document]) -> None:
    """Names go up, numbers and times go down, what was never seen comes last."""
    if query.sort == "name":
        keys: list[Any] = [(hit.repository.encode(), hit.registry.encode()) for hit in hits]
        assert keys == sorted(keys)
    elif query.sort != "relevance":
        field = {"pushed": "pushed_at", "pulled": "pulled_at", "downloads": "downloads_30d", "size": "size_bytes"}
        values = [getattr(hit, field.get(query.sort, query.sort)) for hit in hits]
        known = [value for value in values if value is not None]
        assert values == [*sorted(known, reverse=True), *[None] * (len(values) - len(known))]
