"""What is no longer listed is gone only where the registry says so, tag by tag; too much at once is not believed."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import orjson
import pytest_asyncio
from aiohttp import web

from cli.demo.catalog import make_catalog
from regdex.database import Pool
from regdex.store.catalog import gaps
from tests.indexer.backfill.stage import (
    Stage,
    backfill,
    held_manifests,
    held_tags,
    is_complete,
    open_gaps,
    pass_time,
    recorded_manifests,
    recorded_tags,
    some_of,
    staged,
)

API = "orders/order-api"


@pytest_asyncio.fixture
async def stage() -> AsyncIterator[Stage]:
    async with staged(some_of(make_catalog(5), "orders/", "users/")) as found:
        yield found


async def test_vanished_tags_and_repositories_are_gone_when_the_registry_said_so(db: Pool, stage: Stage) -> None:
    await backfill(db, stage.settings())
    stage.content.delete_tag(API, "5.0")
    stage.content.delete_manifest(API, stage.content.repositories[API].tags["5.3.0"])
    del stage.content.repositories["users/captcha"]
    before = datetime.now(UTC)

    run = await backfill(db, stage.settings())
    # Of a repository, two reads have to say so.
    assert run["state"] == "complete"
    assert ("users/captcha", "latest") in await recorded_tags(db)
    await pass_time(db)
    swept = run["swept_count"]
    run = await backfill(db, stage.settings())

    assert (run["state"], run["message"]) == ("complete", "")
    swept += run["swept_count"]
    assert await recorded_tags(db) == held_tags(stage.content)
    assert {("users/captcha", "latest"), (API, "5.0"), (API, "latest")}.isdisjoint(await recorded_tags(db))
    gone = await db.fetch("SELECT at, exact, source FROM tag_event WHERE digest_id IS NULL")
    assert all(before <= row["at"] <= datetime.now(UTC) and row["source"] == 2 and not row["exact"] for row in gone)
    # The manifest that took its tags along is asked for with them.
    assert swept > len(gone)
    untagged = set(stage.content.repositories[API].manifests)
    assert {digest for name, digest in await recorded_manifests(db) if name == API} <= untagged


async def test_listing_that_forgets_a_tag_does_not_make_it_gone(db: Pool, stage: Stage) -> None:
    await backfill(db, stage.settings())

    async def forget(request: web.Request) -> web.StreamResponse | None:
        if request.path == "/v2/_catalog":
            return web.json_response({"repositories": [name for name in stage.content.repositories if name != API]})
        return None

    stage.fault = forget
    run = await backfill(db, stage.settings())

    assert run["state"] == "complete"
    assert run["swept_count"] == 0
    assert await recorded_tags(db) == held_tags(stage.content)


async def test_empty_catalog_sweeps_nothing_unless_forced(db: Pool, stage: Stage) -> None:
    await backfill(db, stage.settings())
    before = await recorded_tags(db)
    stage.content.repositories.clear()
    stage.requests.clear()

    run = await backfill(db, stage.settings())

    assert run["state"] == "partial"
    assert "the catalog is empty" in run["message"]
    assert stage.requests["HEAD manifests"] == 0
    assert await recorded_tags(db) == before

    run = await backfill(db, stage.settings(), force=True)
    assert run["state"] == "complete"
    assert await recorded_tags(db) == {}
    assert await recorded_manifests(db) == set()


async def test_more_than_a_fifth_and_a_hundred_is_not_believed(db: Pool) -> None:
    async with staged(make_catalog(5)) as stage:
        await backfill(db, stage.settings())
        known = await recorded_tags(db)
        for name in [name for name in stage.content.repositories if name.startswith(("orders/", "payments/", "web/"))]:
            del stage.content.repositories[name]
        lost = len(known) - len(held_tags(stage.content))
        assert lost > 100

        run = await backfill(db, stage.settings())
        assert run["state"] == "partial"
        assert run["message"] == f"nothing was swept: {lost} of {len(known)} tags would vanish; --force sweeps"
        assert await recorded_tags(db) == known
        assert not await db.fetchval("SELECT reconciled_at >= $1 FROM registry", run["started_at"])
        assert await open_gaps(db) == {("", "deletes", "blocked_sweep")}
        assert not await is_complete(db, "hello-world", subjects=("deletes",))
        assert await is_complete(db, "hello-world", subjects=("moves",))

        run = await backfill(db, stage.settings(), force=True)
        assert run["state"] == "complete"
        assert await recorded_tags(db) == held_tags(stage.content)
        assert await open_gaps(db) == set()


async def test_blocked_sweep_heals_when_what_vanished_is_back(db: Pool) -> None:
    async with staged(make_catalog(5)) as stage:
        await backfill(db, stage.settings())
        hidden = {
            name: stage.content.repositories.pop(name)
            for name in list(stage.content.repositories)
            if name.startswith(("orders/", "payments/", "web/"))
        }
        await backfill(db, stage.settings())
        assert await open_gaps(db) == {("", "deletes", "blocked_sweep")}
        stage.content.repositories |= hidden

        run = await backfill(db, stage.settings())

        assert (run["state"], run["message"], await open_gaps(db)) == ("complete", "", set())


async def test_most_of_a_small_registry_may_vanish(db: Pool) -> None:
    async with staged(some_of(make_catalog(5), "hello", "orders/cart")) as stage:
        await backfill(db, stage.settings())
        del stage.content.repositories["orders/cart"]

        await backfill(db, stage.settings())
        await pass_time(db)
        run = await backfill(db, stage.settings())

        assert run["state"] == "complete"
        assert await recorded_tags(db) == held_tags(stage.content)


async def test_tag_that_cannot_be_asked_about_stays(db: Pool, stage: Stage) -> None:
    await backfill(db, stage.settings())
    for tag in ("5.0", "5.1"):
        stage.content.delete_tag(API, tag)

    async def fail(request: web.Request) -> web.StreamResponse | None:
        return web.Response(status=500) if request.path.endswith(f"/{API}/manifests/5.1") else None

    stage.fault = fail
    run = await backfill(db, stage.settings())

    assert (run["state"], run["error_count"], run["swept_count"]) == ("complete", 1, 1), run["message"]
    assert f"{API}: unavailable" in run["message"]
    tags = await recorded_tags(db)
    assert (API, "5.0") not in tags
    assert (API, "5.1") in tags


async def test_404_of_something_else_is_not_gone(db: Pool, stage: Stage) -> None:
    await backfill(db, stage.settings())
    before = await recorded_tags(db)
    stage.content.delete_tag(API, "5.0")

    async def not_found_page(request: web.Request) -> web.StreamResponse | None:
        if request.path.endswith("/manifests/5.0"):
            return web.Response(status=404, text="<html>nothing here</html>", content_type="text/html")
        return None

    stage.fault = not_found_page
    run = await backfill(db, stage.settings())

    assert run["state"] == "complete"
    assert f"{API}: unexpected_content" in run["message"]
    assert await recorded_tags(db) == before


async def test_untagged_manifests_are_asked_for_once_a_week_and_after_a_gap(db: Pool, stage: Stage) -> None:
    await backfill(db, stage.settings())
    digest = stage.content.repositories[API].tags["5.0.2"]
    for tag in [tag for tag, target in stage.content.repositories[API].tags.items() if target == digest]:
        stage.content.delete_tag(API, tag)
    await backfill(db, stage.settings())
    assert (API, digest) in await recorded_manifests(db)
    children = [child["digest"] for child in orjson.loads(stage.content.manifest(API, digest).body)["manifests"]]
    for one in (digest, *children):
        stage.content.delete_manifest(API, one)

    await backfill(db, stage.settings())
    assert (API, digest) in await recorded_manifests(db)

    await db.execute("UPDATE registry SET deeply_read_at = now() - interval '8 days'")
    run = await backfill(db, stage.settings())
    assert run["swept_count"] == 1 + len(children)
    assert await recorded_manifests(db) == held_manifests(stage.content)
    assert await db.fetchval("SELECT deeply_read_at FROM registry") > run["requested_at"] - timedelta(seconds=1)


async def test_referrers_pushed_while_nobody_listened_are_found_after_a_gap(db: Pool, stage: Stage) -> None:
    center = stage.content.repositories["users/user-center"]
    subject = center.tags["latest"]
    signatures = {digest: manifest for digest, manifest in center.manifests.items() if manifest.subject == subject}
    for digest in signatures:
        stage.content.delete_manifest("users/user-center", digest)
    await backfill(db, stage.settings())
    for digest, manifest in signatures.items():
        stage.content.put_manifest("users/user-center", digest, manifest.media_type, manifest.body)

    registry_id = await db.fetchval("SELECT id FROM registry")
    await gaps.note_lost_events(db, [registry_id], reason="indexer_killed", since=datetime.now(UTC))
    run = await backfill(db, stage.settings())

    assert run["state"] == "complete"
    assert signatures
    assert await recorded_manifests(db) == held_manifests(stage.content)
    assert await db.fetch("SELECT FROM gap WHERE subject <> 'pulls' AND until IS NULL") == []


async def test_child_that_was_deleted_while_its_index_stays_is_found_by_the_weekly_look(db: Pool, stage: Stage) -> None:
    await backfill(db, stage.settings())
    digest = stage.content.repositories[API].tags["5.0.2"]
    child = orjson.loads(stage.content.manifest(API, digest).body)["manifests"][0]["digest"]
    stage.content.delete_manifest(API, child)
    await db.execute("UPDATE registry SET deeply_read_at = now() - interval '8 days'")

    run = await backfill(db, stage.settings())

    assert run["state"] == "complete"
    assert (API, digest) in await recorded_manifests(db)
    assert (API, child) not in await recorded_manifests(db)
