"""Publishing through faults of the engine. F20 and so on are cases of the list of faults that we answer for."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest
from aiohttp import web

from indexer import publisher
from indexer.publisher import Publisher, ensure_index, ensure_size, publish
from indexer.wakeups import Wakeups
from regdex.database import Pool
from regdex.errors import Unavailable
from regdex.search import Query
from regdex.search.language.query import Pattern, TextFilter
from regdex.search.meilisearch import MeilisearchWriter
from regdex.search.meilisearch.writing.batches import Sender
from regdex.store.queues import outbox
from regdex.store.search.index_state import get_index_state
from service.context import Context
from service.searching.engines import search
from tests.harness.seed import Seed
from tests.regdex.search.conftest import fingerprint, in_batches
from tests.regdex.search.corpus import CORPUS, document
from tests.regdex.search.meilisearch.between import Forward, Request, Script, answer, refusal, until
from tests.regdex.search.meilisearch.conftest import Place

POISON = 3


async def poison(request: Request, forward: Forward) -> web.Response:
    """One document has an id that the engine does not take: the task of its batch fails."""
    content = request.content.replace(b'"id":%d,' % POISON, b'"id":"not an id",')
    return await forward(Request(request.method, request.path, request.query, request.headers, content))


def ends(status: str) -> Script:
    """Tasks seem to have ended so, until the test takes the script away."""

    async def script(request: Request, forward: Forward) -> web.Response:
        if request.path != "/tasks" or "uids" not in request.query:
            return await forward(request)
        uids = [int(uid) for uid in request.query["uids"].split(",")]
        return answer({"results": [{"uid": uid, "status": status} for uid in uids] if status else []})

    return script


async def fill(db: Pool, names: tuple[str, ...]) -> list[int]:
    """A catalog, none of it published."""
    seed = Seed(db)
    await seed.registry("prod")
    ids = [await seed.repository("prod", name) for name in names]
    await outbox.enqueue(db, ids)
    return ids


@asynccontextmanager
async def publishing(db: Pool, writer: MeilisearchWriter) -> AsyncIterator[None]:
    """The publisher at work, as the indexer runs it."""
    task = asyncio.create_task(Publisher(db, writer, Wakeups(db)).run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def drained(db: Pool) -> None:
    async def is_empty() -> bool:
        return not await outbox.count_waiting(db) and not (await get_index_state(db)).replaces

    await until(is_empty)


async def answered_by_the_engine(context: Context, text: str) -> list[str]:
    """What is found once the fallback is not needed any more."""

    async def is_back() -> bool:
        return not (await search(context, Query(text=text))).degraded

    await until(is_back)
    return [document.repository for document in (await search(context, Query(text=text))).found.documents]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The publisher tries again and looks after its index without long pauses."""
    for name in ("RETRY_SECONDS", "MAX_RETRY_SECONDS", "CHECK_SECONDS"):
        monkeypatch.setattr(publisher, name, 0.1)


@pytest.mark.usefixtures("quick")
async def test_f17_what_changes_while_the_engine_is_away_is_published_when_it_is_back(place: Place, db: Pool) -> None:
    writer = place.make_writer()
    async with publishing(db, writer):
        await fill(db, ("team/first",))
        await drained(db)
        index = place.make_index()
        context = Context(db, index)
        assert not (await search(context, Query(text="first"))).degraded
        await place.between.go_away()
        await outbox.enqueue(db, [await Seed(db).repository("prod", "team/second")])

        degraded = await search(context, Query(text="second"))

        assert (degraded.degraded, degraded.engine.name) == (True, "postgres")
        assert [document.repository for document in degraded.found.documents] == ["team/second"]
        await place.between.listen()
        await drained(db)
        assert await answered_by_the_engine(context, "second") == ["team/second"]
        assert (await get_index_state(db)).lag_seconds == 0
        await index.close()
    await writer.close()


async def test_f20_a_document_that_is_not_taken_is_set_aside_and_the_others_are_indexed(
    place: Place, writer: MeilisearchWriter
) -> None:
    place.between.script = poison
    new = [document(number, f"fresh/service-{number}") for number in range(1, 20)]

    refused = await writer.write(new, [])

    assert refused == [POISON]
    assert await writer.count() == len(CORPUS) - 1  # the poisoned one is not there as it was before, either
    assert sorted(await place.names("fresh")) == sorted(d.repository for d in new if d.id != POISON)


@pytest.mark.usefixtures("quick")
async def test_f20_what_is_set_aside_is_tried_again_when_it_changes(place: Place, db: Pool) -> None:
    ids = await fill(db, ("team/one", "team/two", "team/three"))
    assert ids[2] == POISON
    writer = place.make_writer()
    async with db.acquire() as conn:
        await ensure_index(conn, writer)
        await outbox.enqueue(db, ids)
        place.between.script = poison

        assert await publish(conn, writer) == 3
        assert await publish(conn, writer) == 0
        assert await db.fetchval("SELECT count(*) FROM outbox") == 1
        assert (await get_index_state(db)).lag_seconds == 0

        place.between.script = None
        await outbox.enqueue(db, [POISON])
        assert await publish(conn, writer) == 1
    assert await place.names("three") == ["team/three"]
    assert await db.fetchval("SELECT count(*) FROM outbox") == 0
    await writer.close()


async def test_f20_a_rebuild_leaves_out_what_is_not_taken(place: Place, writer: MeilisearchWriter) -> None:
    place.between.script = poison

    size = await writer.rebuild(fingerprint(), in_batches(CORPUS, 10))

    assert size == await writer.count() == len(CORPUS) - 1


async def test_f21_a_canceled_task_is_noticed_at_once(place: Place, writer: MeilisearchWriter) -> None:
    place.between.script = ends("canceled")

    async with asyncio.timeout(5):
        with pytest.raises(Unavailable, match="canceled"):
            await writer.write(CORPUS, [])


@pytest.mark.usefixtures("quick")
async def test_f21_what_a_canceled_task_had_is_published_again(place: Place, db: Pool) -> None:
    writer = place.make_writer()
    async with publishing(db, writer):
        await fill(db, ("team/first",))
        await drained(db)
        place.between.script = ends("canceled")
        await outbox.enqueue(db, [await Seed(db).repository("prod", "team/second")])
        before = place.between.count("POST /indexes")

        async def was_sent_twice() -> bool:
            return place.between.count("POST /indexes") >= before + 2

        await until(was_sent_twice)
        assert await outbox.count_waiting(db) == 1

        place.between.script = None
        await drained(db)
    assert await place.names("second") == ["team/second"]
    await writer.close()


async def test_f22_of_a_task_that_is_forgotten_the_documents_tell_whether_it_was_done(
    place: Place, writer: MeilisearchWriter
) -> None:
    async def forget(request: Request, forward: Forward) -> web.Response:
        response = await forward(request)
        if request.path.endswith("/documents"):
            done = Request("GET", "/tasks", {"uids": str(task_of(response))}, request.headers, b"")
            await succeeded(done, forward)
        elif request.path == "/tasks" and request.method == "GET":
            return answer({"results": []})
        return response

    place.between.script = forget

    async with asyncio.timeout(10):
        assert await writer.write([document(99, "fresh/one")], []) == []

    assert await place.names("fresh") == ["fresh/one"]


async def test_f22_a_forgotten_task_that_was_not_done_is_an_error(place: Place, writer: MeilisearchWriter) -> None:
    async def swallow(request: Request, forward: Forward) -> web.Response:
        if request.path.endswith("/documents"):
            return answer({"taskUid": 10**9})
        return await forward(request)

    place.between.script = swallow

    async with asyncio.timeout(10):
        with pytest.raises(Unavailable, match="lost"):
            await writer.write([document(99, "fresh/one")], [])


async def test_f23_batches_that_are_too_large_become_smaller(place: Place, writer: MeilisearchWriter) -> None:
    limit, taken = 12_000, []

    async def small(request: Request, forward: Forward) -> web.Response:
        if len(request.content) > limit:
            return web.Response(status=413, text="<html>Payload Too Large</html>", content_type="text/html")
        if request.path.endswith("/documents"):
            taken.append(len(request.content))
        return await forward(request)

    place.between.script = small
    huge = document(500, "fresh/huge", description="words " * 10_000)

    refused = await writer.write([*CORPUS, huge], [])

    assert refused == [500]
    assert await writer.count() == len(CORPUS)
    assert max(taken) <= limit


async def test_f23_batches_are_bounded_in_bytes_before_anybody_complains(place: Place) -> None:
    sender = Sender(place.make_writer()._wire, "nowhere", max_bytes=10_000)

    batches = sender._prepare(CORPUS)

    assert len(batches) > 2
    assert [id for batch in batches for id in batch.ids] == [document.id for document in CORPUS]
    assert all(len(batch.body) <= 10_002 or len(batch.ids) == 1 for batch in batches)
    assert [document["id"] for batch in batches for document in orjson.loads(batch.body)] == [d.id for d in CORPUS]


async def test_f24_an_engine_without_room_is_relieved_of_finished_tasks_and_asked_again(
    place: Place, writer: MeilisearchWriter
) -> None:
    full, refused = True, 0

    async def no_room(request: Request, forward: Forward) -> web.Response:
        nonlocal full, refused
        if refused and request.method == "DELETE" and request.path == "/tasks":
            assert request.query["statuses"] == "succeeded,failed,canceled"
            full = False
            return answer({"taskUid": 1})
        if full and request.path.endswith("/documents"):
            refused += 1
            return refusal(422, "no_space_left_on_device")
        return await forward(request)

    place.between.script = no_room

    with pytest.raises(Unavailable, match="no_space_left_on_device"):
        await writer.write([document(99, "fresh/one")], [])

    assert await writer.write([document(99, "fresh/one")], []) == []
    assert await place.names("fresh") == ["fresh/one"]


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("what", ["everything", "pointer", "documents"])
async def test_f25_an_index_that_was_lost_is_rebuilt_while_postgresql_answers(
    place: Place, db: Pool, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publisher, "COUNT_SECONDS", 0.2)
    monkeypatch.setattr(publisher, "TOLERATED", 0)
    writer = place.make_writer()
    async with publishing(db, writer):
        await fill(db, ("team/first", "team/second"))
        await drained(db)
        index = place.make_index()
        context = Context(db, index)
        lost = (await get_index_state(db)).fingerprint
        assert lost is not None
        uid = f"{place.index}_{lost.index_id}"

        if what != "documents":
            await lose(place, "DELETE", f"/indexes/{place.index}")
        if what == "everything":
            await lose(place, "DELETE", f"/indexes/{uid}")
        if what == "documents":
            await lose(place, "POST", f"/indexes/{uid}/documents/delete-batch", [1, 2])

        async def is_rebuilt() -> bool:
            found = await search(context, Query(text="second"))
            assert found.found.total == 1 or what == "documents"
            state = await get_index_state(db)
            return state.fingerprint != lost and not state.replaces

        await until(is_rebuilt)
        assert await answered_by_the_engine(context, "second") == ["team/second"]
        await index.close()
    await writer.close()


async def test_f25_writing_never_makes_an_index_that_is_not_there(place: Place, writer: MeilisearchWriter) -> None:
    uid = f"{place.index}_{(await current(writer)).index_id}"
    await lose(place, "DELETE", f"/indexes/{uid}")

    with pytest.raises(Unavailable):
        await writer.write(CORPUS, [])

    assert await writer.fingerprint() is None
    assert await writer.count() is None


async def test_an_index_of_the_right_size_is_left_alone(place: Place, db: Pool) -> None:
    await fill(db, ("team/first", "team/second"))
    writer = place.make_writer()
    async with db.acquire() as conn:
        await ensure_index(conn, writer)
        await publish(conn, writer)
        before = await writer.fingerprint()

        await ensure_size(conn, writer)

        assert await writer.fingerprint() == before
    await writer.close()


async def test_documents_that_are_gone_are_removed(place: Place, writer: MeilisearchWriter) -> None:
    await writer.write([], [CORPUS[0].id, 10**6])

    assert await writer.count() == len(CORPUS) - 1


async def test_filters_are_values_whatever_is_in_them(place: Place, writer: MeilisearchWriter) -> None:
    """B24: nothing that is asked for becomes part of the expression, nor widens what the caller may see."""
    index = place.make_index()
    for text in ('x" OR id >= 0 OR registry = "', "' OR 1=1 --", "\\", '\\"', "a) OR (b", "*", "NULL", "_geo"):
        await index.search(Query(filters=(TextFilter("tag", (Pattern(text),)),), project_ids=frozenset({1})))
    sent = [orjson.loads(request.content) for request in place.between.seen if request.path.endswith("/search")]
    assert {body["filter"][0] for body in sent if "filter" in body} == {"project_id IN [1]"}
    await index.close()


async def current(writer: MeilisearchWriter) -> Any:
    found = await writer.fingerprint()
    assert found is not None
    return found


async def lose(place: Place, method: str, path: str, body: object = None) -> None:
    """Done to the engine by somebody else, and done when this returns."""
    headers = {
        "Authorization": f"Bearer {place.key}",
        "Content-Type": "application/json",
        "Accept-Encoding": "identity",
    }
    content = b"" if body is None else orjson.dumps(body)
    response = await place.between.forward(Request(method, path, {}, headers, content))
    done = Request("GET", "/tasks", {"uids": str(task_of(response))}, headers, b"")
    await succeeded(done, place.between.forward)


async def succeeded(task: Request, forward: Forward) -> None:
    async def is_done() -> bool:
        return task_status(await forward(task)) == "succeeded"

    await until(is_done)


def task_of(response: web.Response) -> int:
    assert isinstance(response.body, bytes)
    found: int = orjson.loads(response.body)["taskUid"]
    return found


def task_status(response: web.Response) -> str:
    assert isinstance(response.body, bytes)
    found: str = orjson.loads(response.body)["results"][0]["status"]
    return found
