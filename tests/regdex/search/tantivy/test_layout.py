"""What the index holds of a document, and what comes back."""

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import tantivy
from hypothesis import given, settings
from hypothesis import strategies as st

from regdex.search import Document
from regdex.search.ranking import heat
from regdex.search.tantivy.layout import rank
from regdex.search.tantivy.place import Place
from regdex.search.tantivy.reading.queries import MIN_RANK_FACTOR
from regdex.search.tantivy.reading.stored import pack, read
from tests.regdex.search.conftest import fingerprint, in_batches, make_tantivy
from tests.regdex.search.corpus import NOW, document

TEXT = st.text(st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from("\x1e\x1f[]\n,")), max_size=5)
TEXTS = st.lists(TEXT, max_size=3).map(tuple)


class Stored:
    """One document's stored part and columns, as a searcher gives them."""

    def __init__(self, given: Document) -> None:
        self.document = given

    def doc(self, _: object) -> "Stored":
        return self

    def get_first(self, _: str) -> bytes:
        return pack(self.document)

    def fast_field_values(self, name: str, _: object) -> list[object]:
        return [None if name.endswith("_at") else getattr(self.document, name)]


@settings(max_examples=300)
@given(title=TEXT, description=TEXT, project=TEXT, repository=TEXT, labels=TEXTS, tags=TEXTS, platforms=TEXTS)
def test_texts_come_back_whatever_is_in_them(
    title: str,
    description: str,
    project: str,
    repository: str,
    labels: tuple[str, ...],
    tags: tuple[str, ...],
    platforms: tuple[str, ...],
) -> None:
    given = Document(
        id=1,
        registry="prod",
        repository=repository,
        project=project,
        project_id=1,
        title=title,
        description=description,
        labels=labels,
        tags=tags,
        platforms=platforms,
    )

    assert read(Stored(given), [None]) == [given]  # type: ignore[arg-type, list-item]


async def test_a_title_counts_a_little_more_than_a_description(tmp_path: Path) -> None:
    engine = await make_tantivy(tmp_path)
    documents = [
        document(1, "a/one", description="Ledger of accounts", downloads_30d=10**6),
        document(2, "a/two", title="Ledger"),
        document(3, "a/ledger-three"),
        document(4, "a/four", title="支付网关"),
        document(5, "a/five", description="支付网关", downloads_30d=10**6),
    ]
    await engine.writer.rebuild(fingerprint(), in_batches(documents))

    assert await engine.names("ledger") == ["a/ledger-three", "a/two", "a/one"]
    assert await engine.names("支付") == await engine.names("zhifu") == ["a/four", "a/five"]
    await engine.writer.close()


async def test_chinese_is_found_wherever_it_is(tmp_path: Path) -> None:
    engine = await make_tantivy(tmp_path)
    said = "payment支付网关v2"
    documents = [
        document(1, "a/one", title=said),
        document(2, "a/two", description=said),
        document(3, "a/three", labels=(f"name={said}",)),
        document(4, f"a/{said}"),
    ]
    await engine.writer.rebuild(fingerprint(), in_batches(documents))

    for text in ("支", "付", "关", "支付", "网关", "支付网关", "zhifu", "wangguan", "zfwg", "fwg", "zhifuwangguan"):
        assert (await engine.find(text)).total == 4, text
    await engine.writer.close()


async def test_facets_follow_each_commit(tmp_path: Path) -> None:
    engine = await make_tantivy(tmp_path)
    await engine.writer.rebuild(fingerprint(), in_batches([document(1, "a/one")]))

    for number in (2, 3):
        await engine.fill(document(number, f"a/{number}"))
        for _ in range(2):
            (value,) = (await engine.find("", facets=("project",))).facets["project"]
            assert (value.value, value.count) == ("a", number)
    await engine.writer.close()


def test_heat_is_downloads_that_decay() -> None:
    busy = document(1, "a/b", downloads_30d=1023)

    assert heat(busy) == pytest.approx(heat(replace(busy, downloads_30d=0)) + 10)
    assert heat(replace(busy, downloads_30d=511, pushed_at=NOW + timedelta(days=60))) == pytest.approx(
        heat(busy), abs=0.01
    )
    assert heat(replace(busy, downloads_30d=-1, pushed_at=None)) == 0
    assert heat(replace(busy, pushed_at=datetime(1970, 1, 1, tzinfo=UTC))) == 10


def test_a_rank_never_outweighs_a_better_match() -> None:
    hottest = replace(document(1, "a/b"), downloads_30d=2**63 - 1, pushed_at=datetime(9999, 1, 1, tzinfo=UTC))

    coldest = replace(hottest, downloads_30d=0, pushed_at=None)

    assert rank(coldest) < rank(document(1, "a/b")) < rank(hottest)
    assert math.log2(2 + rank(hottest)) / MIN_RANK_FACTOR < 1.02
    assert math.log2(2 + rank(coldest)) == MIN_RANK_FACTOR


async def test_ranks_come_into_the_index_as_they_are(tmp_path: Path) -> None:
    documents = [document(number, f"a/r{number}", downloads_30d=2 ** (number % 40)) for number in range(1, 200)]
    engine = await make_tantivy(tmp_path)
    await engine.writer.rebuild(fingerprint(), in_batches(documents))
    directory = Place(tmp_path / "search").current()
    searcher = tantivy.Index.open(str(directory)).searcher()
    addresses = [address for _, address in searcher.search(tantivy.Query.all_query(), 200).hits]

    found = zip(*(searcher.fast_field_values(name, addresses) for name in ("id", "rank")), strict=True)
    assert dict(found) == {each.id: rank(each) for each in documents}
    await engine.index.close()
    await engine.writer.close()
