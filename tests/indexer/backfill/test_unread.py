"""Repositories that cannot be read are left and named; what was read in full is swept, and complete."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio
from aiohttp import web

from cli.demo.catalog import make_catalog
from regdex.database import Pool
from regdex.store.queues import backfills
from tests.indexer.backfill.stage import (
    Stage,
    add_registry,
    backfill,
    backfilling,
    ended,
    held_tags,
    is_complete,
    no_fault,
    open_gaps,
    recorded_tags,
    repositories_read,
    some_of,
    staged,
)

CART, API = "orders/cart", "orders/order-api"


@pytest_asyncio.fixture
async def stage() -> AsyncIterator[Stage]:
    async with staged(some_of(make_catalog(3), "orders/", "hello")) as found:
        yield found


def cut(request: web.Request) -> web.Response:
    """A list whose pages are the same for ever."""
    link = f'<{request.path}?n=2&last=latest>; rel="next"'
    return web.json_response({"name": CART, "tags": ["latest"]}, headers={"Link": link})


UNREADABLE: dict[str, Callable[[web.Request], web.StreamResponse]] = {
    "unauthorized": lambda _: web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="r"'}),
    "forbidden": lambda _: web.Response(status=403),
    "unexpected_content: answered 451": lambda _: web.Response(status=451),
    "unavailable": lambda _: web.Response(status=500),
    "tags is not a list": lambda _: web.json_response({"name": "another/name", "tags": None}),
    "a web page": lambda _: web.Response(text="<html>Sign in</html>", content_type="text/html"),
    "list_incomplete": cut,
}


def answering(
    path: str, answer: Callable[[web.Request], web.StreamResponse]
) -> Callable[[web.Request], Awaitable[web.StreamResponse | None]]:
    async def fault(request: web.Request) -> web.StreamResponse | None:
        return answer(request) if request.path.endswith(path) else None

    return fault


@pytest.mark.parametrize("reason", UNREADABLE)
async def test_one_unreadable_repository_is_left_and_the_others_are_swept(db: Pool, stage: Stage, reason: str) -> None:
    await backfill(db, stage.settings())
    cart = {key for key in held_tags(stage.content) if key[0] == CART}
    stage.content.delete_tag(API, "latest")
    stage.content.delete_tag(CART, "latest")
    stage.fault = answering(f"/{CART}/tags/list", UNREADABLE[reason])

    run = await backfill(db, stage.settings())

    assert run["state"] == "complete"
    assert f"{CART}: " in run["message"]
    assert reason in run["message"]
    assert await recorded_tags(db) == held_tags(stage.content) | {
        key: digest for key, digest in (await recorded_tags(db)).items() if key in cart
    }
    assert (CART, "latest") in await recorded_tags(db)
    assert await db.fetchval("SELECT reconciled_at FROM registry") == run["started_at"]
    assert await open_gaps(db) == {(CART, "moves", "unreadable"), (CART, "deletes", "unreadable")}
    assert await is_complete(db, API)
    assert await is_complete(db, None)
    assert not await is_complete(db, CART)


async def test_repository_that_can_be_read_again_is_complete_again(db: Pool, stage: Stage) -> None:
    stage.fault = answering(f"/{CART}/tags/list", lambda _: web.Response(status=403))
    run = await backfill(db, stage.settings())
    assert run["state"] == "complete"
    # Never read: what was open for the registry stays open for it, and what cannot be read has a name all the same.
    assert {(CART, "moves", "never_read"), (CART, "moves", "unreadable")} <= await open_gaps(db)
    assert not await is_complete(db, CART)

    stage.fault = no_fault
    run = await backfill(db, stage.settings())

    assert (run["state"], run["message"]) == ("complete", "")
    assert await open_gaps(db) == set()
    assert await is_complete(db, CART)


async def test_tag_that_cannot_be_read_leaves_its_repository(db: Pool, stage: Stage) -> None:
    stage.fault = answering(f"/{CART}/manifests/latest", lambda _: web.Response(status=500))

    run = await backfill(db, stage.settings())

    assert run["state"] == "complete"
    assert f"{CART}: latest: unavailable" in run["message"]
    missing = set(held_tags(stage.content)) - set(await recorded_tags(db))
    assert missing == {(CART, "latest")}
    assert {gap[0] for gap in await open_gaps(db)} == {CART}


async def test_nothing_readable_is_no_full_read(db: Pool, stage: Stage) -> None:
    stage.fault = answering("/tags/list", lambda _: web.Response(status=403))

    run = await backfill(db, stage.settings())

    assert run["state"] == "partial"
    assert "forbidden" in run["message"]
    assert await db.fetchval("SELECT reconciled_at FROM registry") is None
    assert {gap[2] for gap in await open_gaps(db)} == {"never_read"}


async def test_many_unreadable_ones_are_counted_and_the_first_are_named(db: Pool, stage: Stage) -> None:
    names = [f"aaa/closed-{number:02}" for number in range(30)]

    async def more(request: web.Request) -> web.StreamResponse | None:
        if request.path == "/v2/_catalog":
            return web.json_response({"repositories": [*names, *stage.content.repositories]})
        return web.Response(status=403) if "/closed-" in request.path else None

    stage.fault = more
    run = await backfill(db, stage.settings(page_size=1000))

    assert run["state"] == "complete"
    assert "aaa/closed-00: forbidden: answered 403" in run["message"]
    assert "and 25 more" in run["message"]
    assert len({gap[0] for gap in await open_gaps(db) if gap[2] == "unreadable"}) == 30


async def test_run_that_goes_on_elsewhere_remembers_what_could_not_be_read(db: Pool, stage: Stage) -> None:
    registry = stage.settings(page_size=1, concurrency=1)
    gate = asyncio.Event()

    async def fault(request: web.Request) -> web.StreamResponse | None:
        if request.path.endswith("hello-world/tags/list"):
            return web.Response(status=403)
        if request.path.endswith(f"{API}/tags/list"):
            await gate.wait()
        return None

    stage.fault = fault
    asked = await backfills.request_backfill(db, await add_registry(db, registry), force=False)
    async with backfilling(db, registry):
        await repositories_read(db, asked["id"], at_least=2)
    gate.set()

    async with backfilling(db, registry):
        run = await ended(db, asked["id"])

    assert (run["state"], run["error_count"]) == ("complete", 1)
    assert "hello-world: forbidden" in run["message"]
    assert {gap[0] for gap in await open_gaps(db)} == {"hello-world"}


@pytest.mark.parametrize(
    "reason",
    ["unauthorized", "forbidden", "unavailable", "unexpected_content: answered 451", "a web page", "rate_limited"],
)
async def test_tags_are_read_and_swept_where_no_referrers_can_be_listed(db: Pool, stage: Stage, reason: str) -> None:
    answers = UNREADABLE | {"rate_limited": lambda _: web.Response(status=429)}

    async def fault(request: web.Request) -> web.StreamResponse | None:
        return answers[reason](request) if "/referrers/" in request.path else None

    stage.fault = fault
    first = await backfill(db, stage.settings())
    stage.content.delete_tag(API, "latest")
    run = await backfill(db, stage.settings(), force=True)

    assert (first["state"], run["state"]) == ("complete", "complete")
    assert first["message"].startswith("referrers not listed: ")
    assert reason in first["message"]
    assert await recorded_tags(db) == held_tags(stage.content)
    assert {(name, gap) for name, _, gap in await open_gaps(db)} >= {(API, "unreadable"), (CART, "unreadable")}
    assert await is_complete(db, None)
    assert not await is_complete(db, CART)
    assert await db.fetchval("SELECT count(*) FROM manifest WHERE state <> 'complete'") == 0
    assert stage.requests["GET referrers"] < 60


async def test_web_page_instead_of_the_referrers_api_means_that_there_is_none(db: Pool, stage: Stage) -> None:
    async def fault(request: web.Request) -> web.StreamResponse | None:
        if "/referrers/" in request.path:
            return web.Response(status=404, text="<html>Not Found</html>", content_type="text/html")
        return None

    stage.fault = fault
    run = await backfill(db, stage.settings())

    assert (run["state"], run["message"]) == ("complete", "")
    assert await recorded_tags(db) == held_tags(stage.content)
    assert await is_complete(db, CART)
    assert stage.requests["GET referrers"] < 10


@pytest.mark.parametrize("status", [403, 500])
async def test_index_is_stored_though_a_child_cannot_be_read(db: Pool, stage: Stage, status: int) -> None:
    indexed = {digest for (name, _), digest in held_tags(stage.content).items() if name == CART}

    async def fault(request: web.Request) -> web.StreamResponse | None:
        reference = request.path.rpartition(f"/{CART}/manifests/")[2]
        return web.Response(status=status) if reference.startswith("sha256:") and reference not in indexed else None

    stage.fault = fault
    for _ in range(2):
        run = await backfill(db, stage.settings())
        assert run["state"] == "complete"
        assert f"{CART}: " in run["message"]
    assert await recorded_tags(db) == held_tags(stage.content)
    rows = await db.fetch("SELECT digest_text(algorithm, hash) AS text FROM manifest JOIN digest ON id = digest_id")
    assert indexed <= {row["text"] for row in rows}

    stage.fault = no_fault
    run = await backfill(db, stage.settings())
    assert (run["state"], run["message"]) == ("complete", "")
    assert await db.fetchval("SELECT count(*) FROM manifest WHERE state <> 'complete'") == 0


@pytest.mark.parametrize("status", [403, 500])
async def test_images_are_stored_without_the_configs_that_cannot_be_read(db: Pool, stage: Stage, status: int) -> None:
    async def fault(request: web.Request) -> web.StreamResponse | None:
        return web.Response(status=status) if "/blobs/" in request.path else None

    stage.fault = fault
    await backfill(db, stage.settings())
    assert await recorded_tags(db) == held_tags(stage.content)
    problems = await db.fetch("SELECT DISTINCT problem FROM manifest WHERE state = 'incomplete'")
    assert [row["problem"] for row in problems] == [f"config_{'forbidden' if status == 403 else 'unavailable'}"]
