"""A registry without a catalog for us: what is known and what the settings name is read, and kept up to date."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

import pytest
import pytest_asyncio
from aiohttp import web

from cli.demo.catalog import make_catalog
from indexer.recording.recorder import record_events
from regdex.database import Pool
from regdex.events import ManifestPushed, event_key
from tests.indexer.backfill.stage import (
    Stage,
    add_registry,
    backfill,
    backfilling,
    held_tags,
    is_complete,
    no_fault,
    open_gaps,
    questions_answered,
    recorded_tags,
    some_of,
    staged,
)

CART, API = "orders/cart", "orders/order-api"
REFUSALS: dict[str, Callable[[], web.StreamResponse]] = {
    "401": lambda: web.Response(status=401),
    "403": lambda: web.json_response({"errors": [{"code": "DENIED"}]}, status=403),
    "404": lambda: web.json_response({"errors": []}, status=404),
    "405": lambda: web.Response(status=405),
    "500": lambda: web.Response(status=500),
    "429": lambda: web.Response(status=429),
    "redirect": lambda: web.Response(status=307, headers={"Location": "https://127.0.0.1:8443/v2/_catalog"}),
    "empty": lambda: web.json_response({"repositories": []}),
    "null": lambda: web.json_response({"repositories": None}),
    "page": lambda: web.Response(text="<html>Sign in</html>", content_type="text/html"),
}


@pytest_asyncio.fixture
async def stage() -> AsyncIterator[Stage]:
    async with staged(some_of(make_catalog(3), "orders/")) as found:
        yield found


def refuse(stage: Stage, answer: Callable[[], web.StreamResponse] = REFUSALS["403"]) -> None:
    async def fault(request: web.Request) -> web.StreamResponse | None:
        return answer() if request.path == "/v2/_catalog" else None

    stage.fault = fault


async def push(db: Pool, registry_id: int, stage: Stage, repository: str, tag: str) -> None:
    """The webhook of a push."""
    now = datetime.now(UTC)
    async with db.acquire() as conn, conn.transaction():
        event = ManifestPushed(
            received_at=now,
            told_at=now,
            key=event_key("test", repository, tag),
            repository=repository,
            digest=stage.content.repositories[repository].tags[tag],
            tag=tag,
        )
        await record_events(conn, registry_id, [event])


@pytest.mark.parametrize("kind", REFUSALS)
async def test_known_repositories_are_reconciled(db: Pool, stage: Stage, kind: str) -> None:
    await backfill(db, stage.settings())
    stage.content.delete_tag(CART, "latest")
    refuse(stage, REFUSALS[kind])

    run = await backfill(db, stage.settings())

    assert run["state"] == "complete"
    assert "only webhooks" in run["message"]
    assert "catalog" in run["message"]
    assert await recorded_tags(db) == held_tags(stage.content)
    assert await open_gaps(db) == {("", "moves", "catalog_unread"), ("", "deletes", "catalog_unread")}
    assert await is_complete(db, CART)
    assert not await is_complete(db, None)

    stage.fault = no_fault
    run = await backfill(db, stage.settings())
    assert (run["state"], run["message"], await open_gaps(db)) == ("complete", "", set())


async def test_named_repositories_are_read_instead_of_the_catalog(db: Pool, stage: Stage) -> None:
    refuse(stage)

    run = await backfill(db, stage.settings(repositories=(CART, "orders/none")))

    assert run["state"] == "complete"
    assert "catalog" in run["message"]
    assert "orders/none: not_found" in run["message"]
    assert {name for name, _ in await recorded_tags(db)} == {CART}
    assert await is_complete(db, CART)
    assert ("orders/none", "moves", "unreadable") in await open_gaps(db)


async def test_named_repositories_are_read_beside_the_catalog(db: Pool, stage: Stage) -> None:
    async def hide(request: web.Request) -> web.StreamResponse | None:
        return web.json_response({"repositories": [API]}) if request.path == "/v2/_catalog" else None

    stage.fault = hide
    run = await backfill(db, stage.settings(repositories=(CART, API)))

    assert (run["state"], run["repository_count"], run["repository_total"]) == ("complete", 2, 2)
    assert {name for name, _ in await recorded_tags(db)} == {CART, API}


async def test_nothing_known_and_no_catalog_has_failed(db: Pool, stage: Stage) -> None:
    refuse(stage)

    run = await backfill(db, stage.settings())

    assert run["state"] == "failed"
    assert "registry:catalog:*" in run["message"]
    assert {gap[2] for gap in await open_gaps(db)} == {"never_read"}


async def test_repository_that_is_known_from_an_event_is_read_whole(db: Pool, stage: Stage) -> None:
    registry_id = await add_registry(db, stage.settings())
    refuse(stage)
    await push(db, registry_id, stage, CART, "latest")
    run = await backfill(db, stage.settings())
    assert run["state"] == "complete"
    cart = {key for key in held_tags(stage.content) if key[0] == CART}
    assert set(await recorded_tags(db)) == cart
    assert await is_complete(db, CART)

    # One that comes after the read is asked about at once, and not complete before that.
    await push(db, registry_id, stage, API, "latest")
    assert not await is_complete(db, API)
    async with backfilling(db, stage.settings()):
        await questions_answered(db)
    assert {name for name, _ in await recorded_tags(db)} == {CART, API}
    assert set(await recorded_tags(db)) == {key for key in held_tags(stage.content) if key[0] in (CART, API)}
    assert await is_complete(db, API)


async def test_registry_that_is_away_is_not_asked_for_each_repository(db: Pool, stage: Stage) -> None:
    await backfill(db, stage.settings())
    stage.requests.clear()

    async def away(_: web.Request) -> web.StreamResponse:
        return web.Response(status=503)

    stage.fault = away
    run = await backfill(db, stage.settings())

    assert run["state"] == "failed"
    assert stage.requests["GET tags"] == 0
    assert await open_gaps(db) == set()


@pytest.mark.parametrize("kind", ["404", "page"])
async def test_known_repositories_are_read_where_nothing_but_repositories_answers(
    db: Pool, stage: Stage, kind: str
) -> None:
    await backfill(db, stage.settings())
    stage.content.delete_tag(CART, "latest")

    async def fault(request: web.Request) -> web.StreamResponse | None:
        return REFUSALS[kind]() if request.path in ("/v2/", "/v2/_catalog") else None

    stage.fault = fault
    run = await backfill(db, stage.settings())

    assert run["state"] == "complete"
    assert "only webhooks" in run["message"]
    assert await recorded_tags(db) == held_tags(stage.content)
    assert not await is_complete(db, None)
