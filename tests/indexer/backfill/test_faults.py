"""A registry that fails, lies or changes under the reader: what is recorded is right, and nothing is swept
(E05, E09, E11).
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta

import orjson
import pytest
import pytest_asyncio
from aiohttp import web

from cli.demo.catalog import make_catalog
from regdex.database import Pool
from tests.indexer.backfill.stage import Stage, backfill, held_tags, no_fault, recorded_tags, some_of, staged

CART = "orders/cart"


@pytest_asyncio.fixture
async def stage() -> AsyncIterator[Stage]:
    async with staged(some_of(make_catalog(3), "orders/", "hello")) as found:
        yield found


def answering(
    path: str, make: Callable[[], web.StreamResponse]
) -> Callable[[web.Request], Awaitable[web.StreamResponse | None]]:
    """A fault: requests whose path ends so are answered with that."""

    async def fault(request: web.Request) -> web.StreamResponse | None:
        return make() if request.path.endswith(path) else None

    return fault


def login_page() -> web.Response:
    return web.Response(text="<html><form>Sign in</form></html>", content_type="text/html")


async def test_tag_that_moves_between_head_and_get_is_recorded_whole(db: Pool, stage: Stage) -> None:
    await backfill(db, stage.settings())
    old = stage.content.manifest(CART, "latest")
    child = orjson.loads(old.body)["manifests"][0]["digest"]
    first = stage.content.repositories[CART].manifests[child]
    second = orjson.loads(old.body)["manifests"][1]["digest"]
    body = orjson.dumps({**orjson.loads(first.body), "annotations": {"moved": "once"}})
    stage.content.put_manifest(CART, "latest", first.media_type, body)

    async def move_after_head(request: web.Request) -> None:
        if request.method == "GET" and request.path.endswith(f"/{CART}/manifests/latest"):
            manifest = stage.content.repositories[CART].manifests[second]
            again = orjson.dumps({**orjson.loads(manifest.body), "annotations": {"moved": "twice"}})
            stage.content.put_manifest(CART, "latest", manifest.media_type, again)

    stage.fault = move_after_head
    run = await backfill(db, stage.settings())

    assert run["state"] == "complete"
    assert await recorded_tags(db) == held_tags(stage.content)
    stored = await db.fetchval(
        """
        SELECT manifest.annotations
          FROM tag
          JOIN repository ON repository.id = tag.repository_id
          JOIN manifest ON manifest.digest_id = tag.digest_id
         WHERE repository.name = $1 AND tag.tag = 'latest'
        """,
        CART,
    )
    assert stored == {"moved": "twice"}


async def test_third_of_requests_failing_is_retried(db: Pool, stage: Stage) -> None:
    count = 0

    async def fail_every_third(request: web.Request) -> web.StreamResponse | None:
        nonlocal count
        count += 1
        return web.Response(status=500) if count % 3 == 0 else None

    stage.fault = fail_every_third
    run = await backfill(db, stage.settings())
    missing = set(held_tags(stage.content)) - set(await recorded_tags(db))

    # The budget of retries decides how far it came; what it says of that is true.
    assert not missing or run["error_count"] > 0
    assert run["state"] == "complete" or run["error_count"] > 0


async def test_repository_that_cannot_be_read_is_named_and_the_others_are_swept(db: Pool, stage: Stage) -> None:
    await backfill(db, stage.settings())
    for tag in list(stage.content.repositories["orders/order-api"].tags):
        stage.content.delete_tag("orders/order-api", tag)
    stage.fault = answering(f"/{CART}/tags/list", lambda: web.Response(status=500))

    run = await backfill(db, stage.settings())

    assert run["state"] == "complete"
    assert CART in run["message"]
    assert run["error_count"] == 1
    assert await recorded_tags(db) == held_tags(stage.content)
    assert await db.fetchval("SELECT reconciled_at FROM registry") == run["started_at"]


@pytest.mark.parametrize("status", [401, 403, 500, 503])
@pytest.mark.parametrize(
    ("place", "words"), [("/referrers/", "referrers not listed: "), ("/blobs/", "the blob of its config: ")]
)
async def test_tags_are_recorded_where_only_referrers_or_blobs_are_refused(
    db: Pool, stage: Stage, place: str, words: str, status: int
) -> None:
    async def fault(request: web.Request) -> web.StreamResponse | None:
        return web.Response(status=status) if place in request.path and CART in request.path else None

    stage.fault = fault

    run = await backfill(db, stage.settings())

    assert CART in run["message"]
    assert words in run["message"]
    assert await recorded_tags(db) == held_tags(stage.content)
    assert await db.fetchval("SELECT platforms FROM repository WHERE name = $1", CART)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (login_page, "not a catalog"),
        (lambda: web.Response(status=204), "not a catalog"),
        (lambda: web.Response(status=401), "credentials"),
        (lambda: web.Response(status=403), "registry:catalog:*"),
        (lambda: web.Response(status=404), "no catalog"),
        (
            lambda: web.Response(status=401, headers={"WWW-Authenticate": 'Bearer realm="/nowhere"'}),
            "the token service answered 404",
        ),
        (lambda: web.json_response({"repositories": "all"}), "not a catalog"),
        (lambda: web.json_response([]), "not a catalog"),
    ],
)
async def test_registry_without_a_usable_catalog_fails_with_the_reason(
    db: Pool, stage: Stage, answer: Callable[[], web.StreamResponse], words: str
) -> None:
    stage.fault = answering("/v2/_catalog", answer)
    run = await backfill(db, stage.settings())
    assert run["state"] == "failed"
    assert words in run["message"]
    stage.fault = no_fault
    await backfill(db, stage.settings())
    before = await recorded_tags(db)
    stage.fault = answering("/v2/_catalog", answer)

    run = await backfill(db, stage.settings())

    # What is known by now is read all the same.
    assert run["state"] == "complete"
    assert words in run["message"]
    assert await recorded_tags(db) == before


async def test_login_page_in_place_of_tags_or_manifests_sweeps_nothing(db: Pool, stage: Stage) -> None:
    await backfill(db, stage.settings())
    before = await recorded_tags(db)

    async def log_in(request: web.Request) -> web.StreamResponse | None:
        return None if request.path == "/v2/_catalog" else login_page()

    stage.fault = log_in
    run = await backfill(db, stage.settings())

    assert run["state"] == "partial"
    assert await recorded_tags(db) == before


@pytest.mark.parametrize("tags", [None, []])
async def test_no_tags_is_believed_only_where_each_is_gone(db: Pool, stage: Stage, tags: list[str] | None) -> None:
    await backfill(db, stage.settings())
    before = await recorded_tags(db)
    stage.fault = answering(f"/{CART}/tags/list", lambda: web.json_response({"name": CART, "tags": tags}))

    run = await backfill(db, stage.settings())
    assert run["state"] == "complete"
    assert run["swept_count"] == 0
    assert await recorded_tags(db) == before

    for tag in list(stage.content.repositories[CART].tags):
        stage.content.delete_tag(CART, tag)
    await backfill(db, stage.settings())
    assert await recorded_tags(db) == held_tags(stage.content)


async def test_tags_that_are_no_tags_are_left_out_and_counted(db: Pool, stage: Stage) -> None:
    tags = ["latest", "latest", 7, None, "x" * 5000, "no/tag", *stage.content.repositories["hello-world"].tags]
    stage.fault = answering("/hello-world/tags/list", lambda: web.json_response({"name": "hello-world", "tags": tags}))

    run = await backfill(db, stage.settings())

    assert run["state"] == "complete"
    assert run["message"] == "4 invalid names were left out"
    assert await recorded_tags(db) == held_tags(stage.content)


async def test_changes_while_paging_lose_nothing_else_and_the_next_run_finds_them(db: Pool, stage: Stage) -> None:
    changed = False

    async def change(request: web.Request) -> None:
        nonlocal changed
        if request.path == "/v2/_catalog" and "last" in request.query and not changed:
            changed = True
            image = stage.content.manifest("hello-world", "latest")
            for child in orjson.loads(image.body)["manifests"]:
                manifest = stage.content.repositories["hello-world"].manifests[child["digest"]]
                named = orjson.loads(manifest.body)
                for blob in (named["config"], *named["layers"]):
                    stage.content.put_blob("aaa/first", stage.content.blobs[blob["digest"]])
                stage.content.put_manifest("aaa/first", child["digest"], manifest.media_type, manifest.body)
            stage.content.put_manifest("aaa/first", "1", image.media_type, image.body)
            del stage.content.repositories[CART]

    unchanged = {key: digest for key, digest in held_tags(stage.content).items() if key[0] != CART}
    stage.fault = change
    run = await backfill(db, stage.settings(page_size=2))
    assert run["error_count"] == 0
    assert unchanged.items() <= (await recorded_tags(db)).items()

    run = await backfill(db, stage.settings(page_size=2))
    assert run["state"] == "complete"
    assert await recorded_tags(db) == held_tags(stage.content)


async def test_pages_that_form_a_circle_make_the_run_partial(db: Pool, stage: Stage) -> None:
    def page() -> web.Response:
        headers = {"Link": '</v2/_catalog?last=x&n=2>; rel="next"'}
        return web.json_response({"repositories": ["hello-world"]}, headers=headers)

    stage.fault = answering("/v2/_catalog", page)
    run = await backfill(db, stage.settings())

    assert run["state"] == "partial"
    assert "circle" in run["message"]


@pytest.mark.parametrize("ahead", [timedelta(days=30), timedelta(hours=-3)])
async def test_times_of_a_clock_that_is_far_from_ours_are_ours(db: Pool, stage: Stage, ahead: timedelta) -> None:
    async def from_another_time(request: web.Request) -> web.StreamResponse | None:
        if "/manifests/" not in request.path or request.match_info.get("reference") is None:
            return None
        manifest = stage.content.manifest(request.match_info["name"], request.match_info["reference"])
        at = datetime.now(UTC) + ahead
        return web.Response(
            body=manifest.body,
            content_type=manifest.media_type,
            headers={
                "Docker-Content-Digest": manifest.digest,
                "Date": at.strftime("%a, %d %b %Y %H:%M:%S GMT"),
            },
        )

    stage.fault = from_another_time
    before = datetime.now(UTC)
    await backfill(db, stage.settings())
    after = datetime.now(UTC)

    times = [row["at"] for row in await db.fetch("SELECT at FROM tag_event")]
    assert before <= min(times)
    assert max(times) <= after + timedelta(seconds=1)
