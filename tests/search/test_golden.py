"""Every engine answers the golden set as well as a person would expect, or as well as it is known to."""

from collections import Counter
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from regdex.search import Query
from tests.search.conftest import ENGINES, Engine, fingerprint, in_batches
from tests.search.corpus import CATALOG, short_name
from tests.search.golden import GOLDEN, documents, measure
from tests.search.golden.queries import KINDS

OVERALL = 0.95
EACH_KIND = 0.85
RECALL = 0.95
# What an engine does not reach yet, and what it must not fall below.
REACHED: dict[str, dict[str, float]] = {}


@pytest_asyncio.fixture(scope="module", params=list(ENGINES))
async def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Engine]:
    """Each engine with the documents of the golden set."""
    made = await ENGINES[request.param](tmp_path_factory.mktemp("golden"))
    await made.writer.rebuild(fingerprint(), in_batches(documents(), 1000))
    yield made
    await made.index.close()
    await made.writer.close()


async def test_the_golden_set_is_answered_as_expected(filled: Engine) -> None:
    async def answer(text: str) -> list[str]:
        return [short_name(document) for document in (await filled.index.search(Query(text=text))).documents]

    scores = await measure(answer)

    print(f"\n{filled.index.name}\n{scores.table()}")
    for query, (best, first) in scores.missed().items():
        print(f"{query:<45} {' '.join(best)}  <- {' '.join(first)}")
    floors = {kind: EACH_KIND for kind in KINDS} | {"all": OVERALL} | REACHED.get(filled.index.name, {})
    reached = {kind: scores.mrr(kind) for kind in KINDS} | {"all": scores.mrr()}
    assert {kind: round(reached[kind], 3) for kind, floor in floors.items() if reached[kind] < floor} == {}
    assert scores.recall() >= RECALL


def test_there_are_enough_judged_queries_of_each_kind() -> None:
    assert len(GOLDEN) >= 200
    assert {kind: count for kind, count in Counter(judged.kind for judged in GOLDEN).items() if count < 15} == {}


def test_no_query_is_judged_twice() -> None:
    assert [text for text, count in Counter(judged.text for judged in GOLDEN).items() if count > 1] == []
    assert [judged.text for judged in GOLDEN if len(set(judged.answers)) != len(judged.answers)] == []


def test_what_is_judged_best_is_in_the_catalog_once() -> None:
    names = Counter(short_name(document) for document in documents())

    assert {answer for judged in GOLDEN for answer in judged.answers if names[answer] != 1} == set()
    assert [name for name, count in names.items() if count > 1] == []
    assert len({document.id for document in documents()}) == len(documents())
    assert len(documents()) > len(CATALOG) + 3000
