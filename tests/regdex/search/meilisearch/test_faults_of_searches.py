"""Searching while the engine is away, slow or busy. F17 and so on are cases of our list of faults."""

import asyncio
import time
import uuid

import pytest
from aiohttp import web

from regdex.errors import Unavailable
from regdex.search import Query
from regdex.search.meilisearch import MeilisearchIndex, MeilisearchWriter
from regdex.search.meilisearch.wire import Refusal
from tests.regdex.search.conftest import fingerprint, in_batches
from tests.regdex.search.corpus import CORPUS
from tests.regdex.search.meilisearch.between import Forward, Request, refusal, until
from tests.regdex.search.meilisearch.conftest import Place

QUERY = Query(text="nginx")


async def finds(index: MeilisearchIndex) -> bool:
    return [document.repository for document in (await index.search(QUERY)).documents][:1] == ["library/nginx"]


async def back_again(index: MeilisearchIndex) -> float:
    """Search until it is answered; how long that took."""
    began = time.monotonic()
    async with asyncio.timeout(15):
        while True:
            try:
                assert await finds(index)
                return time.monotonic() - began
            except Unavailable as error:
                await asyncio.sleep(0.05 * error.retry_after_seconds)


async def test_f17_an_engine_that_is_away_is_said_to_be_and_comes_back(place: Place, index: MeilisearchIndex) -> None:
    assert await finds(index)
    await place.between.go_away()

    for _ in range(20):
        with pytest.raises(Unavailable):
            await index.search(QUERY)

    await place.between.listen()
    assert await back_again(index) < 12


async def test_f18_a_busy_engine_is_asked_a_few_times_and_then_left_alone(
    place: Place, index: MeilisearchIndex
) -> None:
    async def busy(request: Request, forward: Forward) -> web.Response:
        return refusal(503, "too_many_search_requests", **{"Retry-After": "10"})

    assert await finds(index)
    place.between.script, before = busy, len(place.between.seen)

    for _ in range(200):
        with pytest.raises(Unavailable):
            await index.search(QUERY)

    assert len(place.between.seen) - before <= 6
    place.between.script = None
    await back_again(index)
    assert await finds(index)


async def test_f18_searches_at_once_do_not_probe_an_ailing_engine_all_together(
    place: Place, index: MeilisearchIndex
) -> None:
    async def busy(request: Request, forward: Forward) -> web.Response:
        return refusal(503, "too_many_search_requests")

    place.between.script = busy
    await asyncio.gather(*(index.search(QUERY) for _ in range(10)), return_exceptions=True)
    before = len(place.between.seen)
    await asyncio.sleep(1.1)  # the breaker's first pause

    answers = await asyncio.gather(*(index.search(QUERY) for _ in range(50)), return_exceptions=True)

    assert all(isinstance(answer, Unavailable) for answer in answers)
    assert len(place.between.seen) - before == 1


async def test_f19_an_engine_that_takes_too_long_is_given_up_in_time(place: Place, index: MeilisearchIndex) -> None:
    release = asyncio.Event()

    async def slow(request: Request, forward: Forward) -> web.Response:
        await release.wait()
        return await forward(request)

    assert await finds(index)
    place.between.script = slow
    began = time.monotonic()

    with pytest.raises(Unavailable, match="in time"):
        await index.search(QUERY)

    assert time.monotonic() - began < 1.9
    release.set()


@pytest.mark.parametrize(
    "response",
    [
        {"text": "<html><h1>502 Bad Gateway</h1></html>", "status": 502, "content_type": "text/html"},
        {"text": "<html>Welcome</html>", "content_type": "text/html"},
        {"text": "", "status": 504},
        {"text": '{"hits": [', "content_type": "application/json"},
    ],
    ids=["502", "200", "empty", "cut"],
)
async def test_f29_what_a_proxy_says_instead_of_the_engine_is_no_answer(
    place: Place, index: MeilisearchIndex, response: dict[str, object]
) -> None:
    async def other(request: Request, forward: Forward) -> web.Response:
        return web.Response(**response)  # type: ignore[arg-type]

    assert await finds(index)
    place.between.script = other

    with pytest.raises(Unavailable):
        await index.search(QUERY)


async def test_an_answer_that_has_not_what_it_should_have_is_no_answer(place: Place, index: MeilisearchIndex) -> None:
    async def other(request: Request, forward: Forward) -> web.Response:
        return web.json_response({"hits": [{"stored": "[1]"}]})

    assert await finds(index)
    place.between.script = other

    with pytest.raises(Unavailable):
        await index.search(QUERY)


async def test_a_refused_key_is_no_answer_and_says_so(place: Place, index: MeilisearchIndex) -> None:
    async def refuse(request: Request, forward: Forward) -> web.Response:
        return refusal(403, "invalid_api_key")

    place.between.script = refuse

    with pytest.raises(Refusal, match="invalid_api_key"):
        await index.fingerprint()


async def test_without_an_index_nothing_answers(place: Place) -> None:
    index = place.make_index()

    with pytest.raises(Unavailable, match="no search index"):
        await index.search(QUERY)
    assert await index.fingerprint() is None
    await index.close()


async def test_an_index_that_was_replaced_and_deleted_is_not_missed(
    place: Place, writer: MeilisearchWriter, index: MeilisearchIndex
) -> None:
    assert await finds(index)  # and keeps the pointer

    await writer.rebuild(fingerprint(), in_batches(CORPUS))

    assert await finds(index)


async def test_the_pointer_is_read_once_for_many_searches(place: Place, index: MeilisearchIndex) -> None:
    await asyncio.gather(*(index.search(QUERY) for _ in range(20)), *(index.fingerprint() for _ in range(20)))

    reads = place.between.count(f"POST /indexes/{place.index}/search")
    assert reads <= 3  # the writer's included


async def test_one_search_is_one_request_and_a_second_where_it_finds_little(
    place: Place, writer: MeilisearchWriter, index: MeilisearchIndex
) -> None:
    assert await finds(index)
    current = await writer.fingerprint()
    near = f"POST /indexes/{place.index}_{current and current.index_id}/search"
    before = len(place.between.seen)

    assert await finds(index)
    await index.search(Query(text="mispeltt"))

    lines = [request.line for request in place.between.seen[before:]]
    assert [line for line in lines if place.index + "/" not in line] == [near, near, "POST /multi-search"]


async def test_answers_are_asked_for_uncompressed(place: Place, index: MeilisearchIndex) -> None:
    assert await finds(index)

    assert {request.headers["Accept-Encoding"] for request in place.between.seen} == {"identity"}


async def test_a_foreign_document_is_no_pointer(place: Place, writer: MeilisearchWriter) -> None:
    for uid in ("other_index", f"{place.index}_../x", f"{place.index}_{uuid.uuid4()}x"):
        document = {"id": "current", "uid": uid, "fingerprint": {}, "layout": 1, "facet_labels": []}
        answer = await writer._wire.post(f"/indexes/{place.index}/documents", [document])
        assert answer["taskUid"]
    index = place.make_index()

    async def is_no_pointer() -> bool:
        return await index.fingerprint() is None

    await until(is_no_pointer)
    await index.close()
