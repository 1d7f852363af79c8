"""What every search engine has to do alike."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regdex.errors import Unavailable
from regdex.search import Document
from regdex.search.language.query import Sort
from tests.regdex.search.conftest import Engine, fingerprint, in_batches
from tests.regdex.search.corpus import CORPUS, NOW, document


async def test_better_kinds_of_match_come_first_whatever_is_popular(engine: Engine) -> None:
    ordered = (
        "redis",
        "library/redis",
        "library/redis-operator",
        "library/my-redis",
        "library/redisson-of-somebody",
        "tools/cache",
        "library/reids",
    )
    await engine.fill(
        *(
            document(number, name, downloads_30d=10**number, description="redis" * (name == "tools/cache"))
            for number, name in enumerate(ordered, start=1)
        )
    )

    names = await engine.names("redis")

    # A name that begins so comes before one with the word in it; redisson begins so, too.
    assert names[:2] == ["redis", "library/redis"]
    assert set(names[2:4]) == {"library/redis-operator", "library/redisson-of-somebody"}
    assert names[4:] == ["library/my-redis", "tools/cache", "library/reids"]


async def test_what_matches_alike_is_ordered_by_downloads_then_by_recency(engine: Engine) -> None:
    await engine.fill(
        document(1, "a/worker-x", downloads_30d=0, age=10),
        document(2, "a/worker-y", downloads_30d=5000, age=10),
        document(3, "a/worker-z", downloads_30d=0, age=900),
        document(4, "a/worker-w", downloads_30d=100, age=10),
        document(5, "a/worker-v", pushed_at=None),
    )

    assert await engine.names("worker") == ["a/worker-y", "a/worker-w", "a/worker-x", "a/worker-z", "a/worker-v"]


async def test_an_empty_search_finds_everything_most_used_first(engine: Engine) -> None:
    await engine.fill(*CORPUS)

    found = await engine.find("  ", limit=3)

    assert found.total == len(CORPUS)
    assert [hit.repository for hit in found.documents] == ["library/nginx", "library/postgres", "library/redis"]


async def test_documents_come_back_as_they_were_given(engine: Engine) -> None:
    given = replace(
        CORPUS[0],
        description="Zahlungen für Zürich 支付\n🚀",
        labels=("a=b", "c=d e"),
        tags=("1.0", "latest"),
        platforms=("linux/amd64", "linux/arm64/v8"),
        artifact_types=("application/vnd.cncf.helm.config.v1+json",),
        size_bytes=2**53,
        pulled_at=NOW + timedelta(microseconds=1),
        signed=True,
    )
    await engine.fill(given)

    assert (await engine.find("gateway")).documents == [given]


async def test_a_document_written_twice_is_found_once_as_it_was_written_last(engine: Engine) -> None:
    await engine.fill(CORPUS[0])
    await engine.fill(replace(CORPUS[0], tag_count=2))
    await engine.fill(replace(CORPUS[0], tag_count=3))

    found = await engine.find("")
    assert (found.total, [hit.tag_count for hit in found.documents]) == (1, [3])


async def test_a_document_that_is_gone_is_not_found(engine: Engine) -> None:
    await engine.fill(*CORPUS)

    await engine.writer.write([], [CORPUS[0].id, 987654])

    assert "payments/gateway" not in await engine.names("gateway")
    assert (await engine.find("")).total == len(CORPUS) - 1


async def test_a_write_is_visible_when_it_returns(engine: Engine) -> None:
    for number in range(1, 20):
        await engine.fill(document(number, f"team/service-{number}"))
        assert (await engine.find("service", limit=100)).total == number


async def test_nothing_invisible_is_found_or_counted(engine: Engine) -> None:
    await engine.fill(*CORPUS)
    visible = frozenset({CORPUS[-1].project_id})

    found = await engine.find("redis", project_ids=visible)
    everything = await engine.find("", project_ids=visible)

    assert [hit.repository for hit in found.documents] == ["mirror/library/redis"]
    assert (found.total, everything.total) == (1, 1)
    assert (await engine.find("nginx", project_ids=visible)).total == 0
    assert (await engine.find("redis", project_ids=frozenset())).total == 0
    assert (await engine.find("", project_ids=frozenset())).total == 0


async def test_registry_and_project_limit_what_is_found(engine: Engine) -> None:
    await engine.fill(*CORPUS)

    assert await engine.names("redis", registry="edge") == ["mirror/library/redis"]
    assert await engine.names("redis", project="library") == ["library/redis"]
    assert await engine.names("", project="") == ["grafana"]
    assert await engine.names("redis", registry="nowhere") == []
    assert await engine.names("", registry="edge", project="library") == []


async def test_pages_show_each_hit_once_in_one_order(engine: Engine) -> None:
    await engine.fill(*(document(number, f"team/service-{number}", downloads_30d=number) for number in range(1, 61)))

    whole = await engine.names("service", limit=60)
    pages = [await engine.names("service", limit=7, offset=at) for at in range(0, 63, 7)]

    assert [name for page in pages for name in page] == whole
    assert len(set(whole)) == 60


@pytest.mark.parametrize("text", ["...", '"', "-", '" -', "\x00", "🚀🚀", "%", "_", "\\", "()[]{}", "\u200d", "*", "?"])
async def test_a_search_without_a_word_finds_nothing(engine: Engine, text: str) -> None:
    await engine.fill(*CORPUS)

    assert await engine.find(text) == await engine.find("nothing-is-called-like-this-anywhere")


async def test_signs_of_a_query_language_are_only_signs(engine: Engine) -> None:
    await engine.fill(*CORPUS)

    for text in (
        '"nginx"',
        "(nginx",
        "nginx\x00",
        "nginx*",
        "-nginx",
        "+nginx",
        "nginx~",
        "nginx:",
        "nginx;--",
        "%nginx",
    ):
        assert await engine.names(text) == ["library/nginx"], text


async def test_only_the_first_ten_words_count(engine: Engine) -> None:
    await engine.fill(document(1, "team/alpha", description="b c d e f g h i j"))

    assert await engine.names("alpha b c d e f g h i j nowhere at all") == ["team/alpha"]


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.one_of(st.characters(codec="utf-8"), st.sampled_from("ab-/.*?\"'\\%_ 0付网")), max_size=512))
async def test_no_text_breaks_a_search(engine: Engine, text: str) -> None:
    await engine.fill(*CORPUS[:3])

    found = await engine.find(text)

    assert len(found.documents) <= found.total


async def test_a_rebuild_shows_only_what_it_was_given(engine: Engine) -> None:
    await engine.fill(*CORPUS)
    new = fingerprint()

    size = await engine.writer.rebuild(new, in_batches(CORPUS[:5], 2))

    assert size == (await engine.find("")).total == 5
    assert await engine.index.fingerprint() == await engine.writer.fingerprint() == new
    await engine.fill(CORPUS[7])
    assert (await engine.find("")).total == 6


async def test_searches_are_answered_all_through_rebuilds(engine: Engine) -> None:
    await engine.fill(*CORPUS)
    answers = []

    async def keep_searching() -> None:
        while True:
            answers.append((await engine.find("nginx")).total)
            await asyncio.sleep(0)

    searching = asyncio.create_task(keep_searching())
    for _ in range(5):
        await engine.writer.rebuild(fingerprint(), in_batches(CORPUS, 5))
        await engine.fill(CORPUS[0])
    searching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await searching

    assert len(answers) > 5
    assert set(answers) == {1}


async def test_a_rebuild_that_fails_leaves_the_old_index_as_it_was(engine: Engine) -> None:
    await engine.fill(*CORPUS)
    before = await engine.index.fingerprint()

    async def broken() -> object:
        yield [document(1, "new/one")]
        raise OSError("PostgreSQL went away")

    with pytest.raises(OSError, match="went away"):
        await engine.writer.rebuild(fingerprint(), broken())  # type: ignore[arg-type]

    assert await engine.index.fingerprint() == before
    assert (await engine.find("")).total == len(CORPUS)
    await engine.fill(document(99, "still/writable"))
    assert await engine.names("writable") == ["still/writable"]


async def test_many_searches_at_once_are_all_answered(engine: Engine) -> None:
    await engine.fill(*CORPUS)

    answers = await asyncio.gather(*(engine.names("ngnix", limit=1) for _ in range(200)), return_exceptions=True)

    in_time = [answer for answer in answers if not isinstance(answer, Unavailable)]
    assert in_time == [["library/nginx"]] * len(in_time)
    # Another process has to be told within the deadline, on however busy a machine.
    assert len(in_time) == 200 if engine.index.name == "tantivy" else len(in_time) > 100


async def test_a_document_with_too_much_of_everything_is_found_by_its_name(engine: Engine) -> None:
    huge = Document(
        id=1,
        registry="prod",
        repository="/".join(["a" * 60] * 4),
        project="a" * 60,
        project_id=1,
        description="支付" * 5000 + "x" * 100_000,
        labels=tuple(f"key{number}={'v' * 5000}" for number in range(500)),
        tags=tuple("t" * 128 for _ in range(10)),
        downloads_30d=2**62,
    )

    await engine.fill(huge, replace(huge, id=2, downloads_30d=-1))

    assert (await engine.find("a" * 60)).total == 2


@pytest.mark.parametrize("order", ["relevance", "downloads", "name"])
async def test_what_is_found_depends_on_no_order_and_no_page(engine: Engine, order: Sort) -> None:
    """Letters inside of words are looked for only where words are not found as typed."""
    await engine.fill(
        document(1, "team/stash", downloads_30d=1),
        document(2, "team/stasch", downloads_30d=9),
        document(3, "atelier/stack", downloads_30d=5, description="stasch"),
        document(4, "team/logstash", downloads_30d=100),
    )
    everything = (await engine.find("stash")).documents

    sorted_otherwise = await engine.find("stash", sort=order)
    pages = [(await engine.find("stash", sort=order, offset=at, limit=1)) for at in range(len(everything))]

    assert {hit.id for hit in sorted_otherwise.documents} == {hit.id for hit in everything}
    assert [hit.id for page in pages for hit in page.documents] == [hit.id for hit in sorted_otherwise.documents]
    assert {page.total for page in pages} == {sorted_otherwise.total} == {len(everything)}
