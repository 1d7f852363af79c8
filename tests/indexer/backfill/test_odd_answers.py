"""Backfills of registries whose HEADs, types and lists are odd: nothing that is there is taken for gone."""

from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio
from aiohttp import web

from cli.demo.catalog import make_catalog
from indexer.manifest import OCI_INDEX
from regdex.database import Pool
from tests.indexer.backfill.stage import (
    Fault,
    Stage,
    backfill,
    held_manifests,
    held_tags,
    recorded_manifests,
    recorded_tags,
    some_of,
    staged,
)

CART = "orders/cart"
WRONG = "sha256:" + "0" * 64


def named(digest: str) -> web.Response:
    return web.Response(headers={"Docker-Content-Digest": digest, "Content-Type": OCI_INDEX})


@pytest_asyncio.fixture
async def stage() -> AsyncIterator[Stage]:
    async with staged(some_of(make_catalog(3), "orders/", "hello")) as found:
        yield found


def heads(answer: Callable[[web.Request], web.Response]) -> Fault:
    async def fault(request: web.Request) -> web.StreamResponse | None:
        return answer(request) if request.method == "HEAD" and "/manifests/" in request.path else None

    return fault


def limited(_: web.Request) -> web.Response:
    """A refusal after which a request is sent again."""
    return web.Response(status=429)


@pytest.mark.parametrize(
    "answer",
    [
        lambda _: web.Response(status=404),
        lambda _: web.Response(status=404, content_type="text/html"),
        lambda _: web.Response(status=405),
        lambda _: web.Response(status=410),
        limited,
        lambda _: web.Response(status=400),
        lambda _: web.Response(status=401),
        lambda _: web.Response(status=403),
        lambda _: web.Response(status=500),
        lambda _: web.Response(status=501),
        lambda _: web.Response(status=503),
        lambda _: web.Response(status=200),
        lambda _: web.Response(status=200, content_type="text/html"),
        lambda _: named(WRONG),
    ],
)
async def test_second_read_is_right_whatever_head_says(
    db: Pool, stage: Stage, answer: Callable[[web.Request], web.Response]
) -> None:
    await backfill(db, stage.settings())
    moved = stage.content.manifest(CART, "2.1.3")
    stage.content.put_manifest(CART, "latest", moved.media_type, moved.body)
    stage.content.delete_tag(CART, "2.1.3")
    stage.fault = heads(answer)

    run = await backfill(db, stage.settings())

    assert (run["state"], run["message"]) == ("complete", "")
    assert await recorded_tags(db) == held_tags(stage.content)
    assert held_manifests(stage.content) <= await recorded_manifests(db)
    assert stage.requests["HEAD manifests"] < (60 if answer is limited else 30)


async def test_head_that_names_another_known_manifest_moves_no_tag(db: Pool, stage: Stage) -> None:
    await backfill(db, stage.settings())
    known = stage.content.manifest("hello-world", "latest").digest
    stage.fault = heads(lambda _: named(known))

    run = await backfill(db, stage.settings())

    assert run["state"] == "complete"
    assert await recorded_tags(db) == held_tags(stage.content)


async def test_deleted_tag_is_gone_though_head_still_answers_with_its_digest(db: Pool, stage: Stage) -> None:
    await backfill(db, stage.settings())
    digests = dict(held_tags(stage.content))
    stage.content.delete_tag(CART, "latest")

    def cached(request: web.Request) -> web.Response:
        name, _, reference = request.path.removeprefix("/v2/").partition("/manifests/")
        digest = reference if ":" in reference else digests[name, reference]
        return named(digest)

    stage.fault = heads(cached)
    await backfill(db, stage.settings())

    assert (CART, "latest") not in await recorded_tags(db)


@pytest.mark.parametrize("media_type", ["application/json", "text/plain", "binary/octet-stream"])
async def test_manifests_of_any_type_are_recorded(db: Pool, stage: Stage, media_type: str) -> None:
    async def retyped(request: web.Request) -> web.StreamResponse | None:
        name, found, reference = request.path.removeprefix("/v2/").partition("/manifests/")
        if not found:
            return None
        try:
            manifest = stage.content.manifest(name, reference)
        except KeyError:
            return None
        headers = {"Docker-Content-Digest": manifest.digest, "Content-Type": media_type}
        return web.Response(body=manifest.body, headers=headers)

    stage.fault = retyped
    run = await backfill(db, stage.settings())

    assert run["state"] == "complete"
    assert await recorded_tags(db) == held_tags(stage.content)
    states = await db.fetch("SELECT DISTINCT state, problem FROM manifest WHERE state <> 'complete'")
    assert states == []


async def test_catalog_with_a_link_to_elsewhere_keeps_its_good_page_and_reads_what_is_known(
    db: Pool, stage: Stage
) -> None:
    await backfill(db, stage.settings())
    before = await recorded_tags(db)
    fresh = stage.content.manifest(CART, "latest")
    stage.content.put_manifest(CART, "fresh", fresh.media_type, fresh.body)
    stage.content.delete_tag("orders/order-api", "latest")

    async def mislead(request: web.Request) -> web.StreamResponse | None:
        if request.path != "/v2/_catalog":
            return None
        return web.json_response(
            {"repositories": [CART]}, headers={"Link": '</v2/orders/cart/tags/list?last=x>; rel="next"'}
        )

    stage.fault = mislead
    run = await backfill(db, stage.settings())

    assert run["state"] == "partial"
    assert "</v2/orders/cart/tags/list?last=x> leads to another listing" in run["message"]
    del before["orders/order-api", "latest"]
    assert await recorded_tags(db) == {**before, (CART, "fresh"): fresh.digest}


async def test_tags_whose_later_page_is_missing_are_kept_and_their_repository_is_named(db: Pool, stage: Stage) -> None:
    await backfill(db, stage.settings())
    before = await recorded_tags(db)

    async def cut(request: web.Request) -> web.StreamResponse | None:
        if not request.path.endswith(f"/{CART}/tags/list"):
            return None
        if "last" in request.query:
            return web.json_response({"errors": []}, status=404)
        return web.json_response({"name": CART, "tags": ["latest"]}, headers={"Link": '<?last=latest>; rel="next"'})

    stage.fault = cut
    run = await backfill(db, stage.settings())

    assert run["state"] == "complete"
    assert f"{CART}: list_incomplete" in run["message"]
    assert await recorded_tags(db) == before


async def test_url_without_its_path_prefix_says_so(db: Pool, stage: Stage) -> None:
    async def elsewhere(request: web.Request) -> web.StreamResponse | None:
        return web.Response(status=404, text="<html>", content_type="text/html")

    stage.fault = elsewhere
    run = await backfill(db, stage.settings())

    assert run["state"] == "failed"
    assert "check url and path_prefix" in run["message"]
