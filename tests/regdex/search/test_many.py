"""Conditions among thousands of documents: what few fit is found, and the longest legal queries take bounded time."""

import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import pytest_asyncio

from regdex.search import Document, Query, SearchIndex
from regdex.search.language.parser import parse
from regdex.search.language.query import FACETS, TextFilter
from regdex.search.language.values import text_patterns
from regdex.search.matching import matches
from tests.regdex.search.conftest import ENGINES, fingerprint, in_batches
from tests.regdex.search.golden import documents

NOW = datetime(2026, 11, 24, tzinfo=UTC)
# Of the time that a search for one word takes, and only where it is more than the least that a clock tells.
MAX_RATIO = 400
LEAST_SECONDS = 0.002
# What can be paged to.
FIRST_HITS = 1000


@pytest_asyncio.fixture(scope="module", params=list(ENGINES))
async def index(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SearchIndex]:
    """Each engine with the documents of the golden set."""
    made = await ENGINES[request.param](tmp_path_factory.mktemp("many"))
    await made.writer.rebuild(fingerprint(), in_batches(documents(), 1000))
    yield made.index
    await made.index.close()
    await made.writer.close()


CONDITIONS = (
    "*-agent", "pay*way", "*sql", "kube-*", "*gate*", "p?yment-*", "*_*", "*.*", '"payment gateway"',
    "tag:*-alpine", "tag:*.3", "tag:v?.1.*", "tag:1.*", "-tag:*.* -tag:latest", "label:team=*", "label:*=go",
    "label:language=g*", "label:*a*=*o", "project:pay*", "project:*-platform", "platform:*/arm/*", "registry:e*",
    "-registry:p*", "-label:language=*", "downloads:>100 *worker*", "tag:*-slim -*worker* platform:arm64",
)  # fmt: skip


@pytest.mark.parametrize("text", CONDITIONS)
async def test_what_few_of_many_fit_is_found_on_some_page(index: SearchIndex, text: str) -> None:
    query = parse(text, now=NOW).query
    wanted = {document.id for document in documents() if matches(document, query)}

    found, first = await read_all(index, query)

    assert 0 < len(wanted) <= FIRST_HITS, "not what this test is of"
    assert {document.id for document in found} == wanted
    assert first == len(wanted)


async def read_all(index: SearchIndex, query: Query) -> tuple[list[Document], int]:
    """All pages, and the total that the first one tells."""
    pages = [await index.search(replace(query, limit=100))]
    while (offset := pages[-1].next_offset) is not None:
        pages.append(await index.search(replace(query, limit=100, offset=offset)))
    return [document for page in pages for document in page.documents], pages[0].total


def _typed(make: Callable[[int], str], words: str = "") -> Query:
    """As the typed parameters would make it: twenty values each."""
    filters = [
        TextFilter(field, tuple(p for n in range(20) for p in text_patterns(field, make(n), is_glob="*" in make(n))))
        for field in ("tag", "label", "platform", "media_type")
    ]
    return Query(text=words, filters=tuple(filters), facets=FACETS)


TEXTS = {
    "ten words with typos": "paymnet gatway kuberntes oprator notifcation servce recomendation engne schedler histry",
    "ten words of 46 letters": " ".join(letter * 46 for letter in "abcdefghij"),
    "one word of 512 letters": "x" * 512,
    "words of two letters": " ".join("ab" for _ in range(170)),
    "wildcards of many stars": " ".join(["*a*e*i*o*n*r*"] * 20),
    "wildcards of many stars left out": " ".join(["-*a*e*i*o*n*r*"] * 20),
    "many stars in each field": " ".join(
        f"{field}:*a*b*c*d*e*f*g*" for field in ("registry", "project", "tag", "label", "platform", "media")
    ),
    "tags with many stars": "tag:(" + " ".join(f"*{n}*1*{n}*2*" for n in range(20)) + ")",
    "any of many values": f"-label:({' '.join(f'*{c}*e*' for c in 'abcdefghijklmnopqrst')}) "
    f"tag:({' '.join(f'*{c}*' for c in 'abcdefghijklmnopqrst')})",
    "question marks": "?" * 40 + " *" + "?" * 24,
    "phrases": " ".join(['"of the and"'] * 20),
    "a long phrase": '"' + " ".join("ab" for _ in range(160)) + '"',
    "Chinese": "支付网关服务负责对接银行渠道" * 30,
}
LONGEST = {name: parse(text[:512], now=NOW).query for name, text in TEXTS.items()} | {
    "eighty globs": _typed(lambda number: f"{number}*a*" if number % 2 else f"*{number}", "gateway"),
    "eighty long values": _typed(lambda number: f"{number}=" + "a" * 120),
    "eighty stars at both ends": _typed(lambda number: f"*{chr(97 + number)}*"),
}


@pytest.mark.parametrize("name", LONGEST)
async def test_the_longest_legal_query_is_bounded_in_time(index: SearchIndex, name: str) -> None:
    plain = max(await _fastest(index, Query(text="gateway")), LEAST_SECONDS)

    longest = await _fastest(index, LONGEST[name])

    assert longest / plain <= MAX_RATIO


async def _fastest(index: SearchIndex, query: Query) -> float:
    """Seconds of this process's work where the engine is in it, whatever else runs; else of the clock."""
    clock = time.process_time if index.name == "tantivy" else time.perf_counter
    times = []
    for _ in range(3):
        began = clock()
        await index.search(query)
        times.append(clock() - began)
    return min(times)
