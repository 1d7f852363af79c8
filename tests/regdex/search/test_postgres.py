"""Names in PostgreSQL while the index is away: few words are understood, all conditions hold."""

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from regdex.database import Pool
from regdex.errors import Unavailable
from regdex.search import Document, Found, Query, postgres
from regdex.search.language.query import NumberFilter, Pattern, Range, SignedFilter, TextFilter, is_exactly
from regdex.search.matching import matches
from regdex.search.postgres import PostgresNames
from regdex.search.selection import select
from tests.regdex.search.arbitrary import make_documents, queries
from tests.regdex.search.corpus import CORPUS, NOW, document
from tests.regdex.search.stored import store
from tests.regdex.search.test_conditions import assert_order

MADE = [replace(made, tags=made.tags[:100]) for made in make_documents(7, 120)]
SEARCHES = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


async def names(db: Pool, text: str = "", **parts: object) -> list[str]:
    found = await PostgresNames(db).search(Query(text=text, **parts))  # type: ignore[arg-type]
    return [hit.repository for hit in found.documents]


@dataclass(repr=False)
class Stored:
    """What is in the catalog; not to be shown with each example that fails."""

    documents: list[Document]


@pytest.fixture
async def stored(db: Pool) -> Stored:
    return Stored(await store(db, MADE))


@pytest.fixture
async def corpus(db: Pool) -> list[Document]:
    return await store(db, CORPUS)


async def read_all(db: Pool, query: Query) -> tuple[list[Document], Found]:
    """All pages, which have no hit twice, and the first."""
    pages = [await PostgresNames(db).search(query)]
    while (offset := pages[-1].next_offset) is not None:
        pages.append(await PostgresNames(db).search(replace(query, offset=offset)))
    hits = [hit for page in pages for hit in page.documents]
    assert len({hit.id for hit in hits}) == len(hits) == pages[0].total
    return hits, pages[0]


@SEARCHES
@given(query=queries(MADE, text=st.sampled_from(("", "", "gateway", "api core", "node20", "prod/core"))))
async def test_every_condition_holds_and_nothing_is_missing(db: Pool, stored: Stored, query: Query) -> None:
    note(query)
    of_words = {hit.id for hit in (await read_all(db, Query(text=query.text, limit=1000)))[0]}
    hits, first = await read_all(db, query)

    wanted = [each for each in stored.documents if each.id in of_words and matches(each, query)]
    assert {hit.id for hit in hits} == {hit.id for hit in wanted}
    assert first.facets == select(wanted, query).facets
    assert_order(query, hits)


@pytest.mark.usefixtures("corpus")
async def test_exact_names_come_first_then_segments_then_beginnings(db: Pool) -> None:
    assert (await names(db, "gateway"))[0] == "payments/gateway"
    assert (await names(db, "grafana"))[0] == "grafana"
    assert (await names(db, "payment gateway"))[0] == "payments/payment-gateway"
    assert (await names(db, "gateway payment"))[0] == "payments/payment-gateway"
    assert (await names(db, "library/ngi"))[0] == "library/nginx"
    assert (await names(db, "node18"))[0] == "library/node-18"
    assert (await names(db, "edge/mirror/library/redis"))[0] == "mirror/library/redis"
    assert (await names(db, "ackend"))[0] == "web/backend"


@pytest.mark.usefixtures("corpus")
@pytest.mark.parametrize("text", ["...", "%", "_", "支付", "\x00", "nginx\x00/x", "a/\x00", "é", "🚀"])
async def test_what_no_name_can_hold_finds_nothing_or_what_is_left(db: Pool, text: str) -> None:
    found = await names(db, text, wildcards=("\x00*",)) + await names(db, text)

    assert set(found) <= {"library/nginx"} | {
        d.repository for d in CORPUS if "a" in d.repository or "e" in d.repository
    }


async def test_by_name_the_same_name_comes_in_the_order_of_registries(db: Pool) -> None:
    await store(db, [document(1, "a/one", downloads_30d=9), document(2, "a/one", registry="edge", downloads_30d=1)])

    found = await PostgresNames(db).search(Query(sort="name"))

    assert [hit.registry for hit in found.documents] == ["edge", "prod"]


async def test_a_filter_without_words_finds_what_nobody_downloads(db: Pool) -> None:
    await store(db, [document(1, "a/used", downloads_30d=9), document(2, "a/unused", downloads_30d=0, stars=3)])

    assert await names(db) == ["a/used", "a/unused"]
    assert await names(db, filters=(NumberFilter("stars", (Range(3, None),)),)) == ["a/unused"]
    assert await names(db, filters=(is_exactly("project", "A"),)) == ["a/used", "a/unused"]


async def test_a_time_that_was_never_seen_lies_in_no_range_not_even_one_without_ends(db: Pool) -> None:
    await store(db, [document(1, "a/pulled", pulled_at=datetime(2026, 1, 1, tzinfo=UTC)), document(2, "a/never")])

    assert await names(db, filters=(NumberFilter("pulled_at", (Range(),)),)) == ["a/pulled"]


async def test_nothing_invisible_shows_in_hits_totals_or_facets(db: Pool) -> None:
    documents = await store(
        db, [document(number, f"{project}/service", registry="prod", project=project)
             for number, project in enumerate(("mine", "theirs", "other"), start=1)]
    )  # fmt: skip
    visible = frozenset({next(each.project_id for each in documents if each.project == "mine")})
    for text in ("service", "", "prod/service", "theirs/service"):
        for more in ({}, {"wildcards": ("*",)}, {"phrases": ("service",)}):
            query = Query(text=text, project_ids=visible, facets=("project", "registry"), **more)  # type: ignore[arg-type]
            found = await PostgresNames(db).search(query)
            assert {hit.repository for hit in found.documents} <= {"mine/service"}
            assert found.total <= 1
            assert {value.value for value in found.facets["project"]} <= {"mine"}
    assert (await PostgresNames(db).search(Query(project_ids=frozenset(), facets=("project",)))).facets == {
        "project": []
    }


async def test_where_more_fits_the_total_is_of_what_was_looked_at(db: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "MAX_EXAMINED", 5)
    monkeypatch.setattr(postgres, "MAX_FOUND", 7)
    labels = [("team=x",) if number % 2 else () for number in range(20)]
    await store(
        db, [document(n + 1, f"a/app{n}", downloads_30d=100 - n, labels=labels[n], tags=("1",)) for n in range(20)]
    )

    labelled = await PostgresNames(db).search(
        Query(filters=(TextFilter("label", (Pattern("team=x"),)),), facets=("label:team",))
    )
    everything = await PostgresNames(db).search(Query(limit=4))

    assert ([hit.repository for hit in labelled.documents], labelled.total) == (["a/app1", "a/app3"], 2)
    assert [(value.value, value.count) for value in labelled.facets["label:team"]] == [("x", 2)]
    assert (everything.total, everything.next_offset) == (7, 4)


async def test_numbers_past_what_a_column_holds_are_bounds_like_others(db: Pool) -> None:
    await store(db, [document(1, "a/app", pushed_at=NOW, size_bytes=2**62)])

    for field in ("size_bytes", "pushed_at"):
        for low, high, is_found in (
            (10**30, None, False),
            (None, 10**30, True),
            (-(10**30), None, True),
            (None, -(10**30), False),
        ):
            condition = NumberFilter(field, (Range(low, high),))  # type: ignore[arg-type]
            assert bool(await names(db, filters=(condition,))) is is_found


async def test_when_scanning_takes_too_long_names_that_begin_so_answer(
    db: Pool, monkeypatch: pytest.MonkeyPatch, corpus: list[Document]
) -> None:
    async def endless(*_: object, **__: object) -> list[int]:
        await asyncio.Event().wait()
        return []

    monkeypatch.setattr(postgres, "find_by_name", endless)
    monkeypatch.setattr(postgres, "SCANS_SECONDS", 0.01)

    assert await names(db, "library/n") == ["library/nginx", "library/node-18", "library/node20"]
    assert "library/nginx" not in await names(db, "library/n", filters=(SignedFilter(True),))
    for text, more in (("library/n", {"sort": "pushed"}), ("", {}), ("postgres", {})):
        with pytest.raises(Unavailable):
            await names(db, text, **more)


async def test_what_was_found_in_time_is_the_answer(db: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    await store(db, [document(1, "a/payment-gateway"), document(2, "a/other", title="payment gateway")])
    find = postgres.find_by_name

    async def slow_without_words(*args: Any, words: list[str], **more: Any) -> list[int]:
        if not words:
            await asyncio.Event().wait()
        return await find(*args, words=words, **more)

    assert await names(db, phrases=("payment gateway",)) == ["a/payment-gateway", "a/other"]
    monkeypatch.setattr(postgres, "find_by_name", slow_without_words)
    monkeypatch.setattr(postgres, "SCANS_SECONDS", 0.5)

    assert await names(db, phrases=("payment gateway",)) == ["a/payment-gateway"]


async def test_many_at_once_are_all_answered(db: Pool) -> None:
    await store(db, [document(1, "a/app")])

    assert await asyncio.gather(*(names(db, "app") for _ in range(50))) == [["a/app"]] * 50


async def test_a_scan_ends_when_its_time_is_over(db: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    await store(db, [document(1, "a/app")])
    monkeypatch.setattr(postgres, "SCANS_SECONDS", 0.05)
    monkeypatch.setattr(postgres, "TIMEOUT_SECONDS", 0.2)
    async with db.acquire() as conn, conn.transaction():
        await conn.execute("LOCK TABLE repository IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(Unavailable):
            await names(db, "app")
    assert await names(db, "app") == ["a/app"]


async def test_a_database_that_is_away_is_unavailable(db: Pool) -> None:
    await db.close()

    with pytest.raises(Unavailable):
        await names(db, "app")
