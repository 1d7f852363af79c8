"""From the fetch queue to content: what is read, stored, refused, tried again (E06, E08, F37)."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import orjson
import pytest
import pytest_asyncio
from aiohttp import web

from indexer import manifest as content
from indexer.fetching import reader
from indexer.fetching.asking import retry_seconds
from indexer.fetching.fetcher import Fetcher
from indexer.recording.recorder import record_events
from indexer.registry.client import RegistryClient
from indexer.wakeups import Wakeups
from regdex.database import Pool
from regdex.digest import Digest
from regdex.events import ManifestPushed, event_key
from regdex.store.content.digests import intern_digests
from regdex.store.queues import questions
from tests.harness.forgery import forged
from tests.harness.hostile import Hostile, client, hostile, plain
from tests.harness.registries import Image, fallback_tag, make_artifact, make_image, make_index

BEGIN = datetime(2026, 11, 1, 10, tzinfo=UTC)


@pytest_asyncio.fixture
async def registry() -> AsyncIterator[Hostile]:
    async with hostile() as server:
        yield server


async def add_registry(db: Pool, name: str) -> int:
    number: int = await db.fetchval(
        "INSERT INTO registry (name, kind, url) VALUES ($1, 'distribution', 'http://x') RETURNING id", name
    )
    return number


async def push(db: Pool, registry_id: int, digest: str, repository: str = "app", tag: str = "") -> None:
    """Record that a manifest was pushed, as the worker does."""
    event = ManifestPushed(
        repository=repository,
        received_at=BEGIN,
        told_at=BEGIN,
        key=event_key(repository, digest, tag),
        digest=digest,
        tag=tag,
    )
    async with db.acquire() as conn, conn.transaction():
        await record_events(conn, registry_id, [event])


@asynccontextmanager
async def fetching(db: Pool, *clients: RegistryClient) -> AsyncIterator[None]:
    """A running fetcher with its wake-ups."""
    wakeups = Wakeups(db)
    fetcher = Fetcher(db, {client.name: client for client in clients}, wakeups)
    tasks = [asyncio.create_task(wakeups.run()), asyncio.create_task(fetcher.run())]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        for each in clients:
            await each.close()


async def until(check: Callable[[], Awaitable[object]], seconds: float = 8) -> None:
    """Return when `check` is true."""
    async with asyncio.timeout(seconds):
        while not await check():  # noqa: ASYNC110 – the database has no event for it
            await asyncio.sleep(0.01)


async def drained(db: Pool) -> bool:
    return not await db.fetchval("SELECT EXISTS (SELECT FROM fetch_queue)")


async def manifest(db: Pool, digest: str) -> asyncpg.Record | None:
    return await db.fetchrow(
        """
        SELECT m.* FROM manifest AS m JOIN digest AS d ON d.id = m.digest_id
         WHERE d.hash = $1
        """,
        Digest.parse(digest).hash,
    )


async def state(db: Pool, digest: str) -> tuple[str, str] | None:
    row = await manifest(db, digest)
    return (row["state"], row["problem"]) if row else None


async def present(db: Pool, repository: str = "app") -> set[str]:
    rows = await db.fetch(
        """
        SELECT d.algorithm, d.hash
          FROM repository_manifest AS h
          JOIN repository AS r ON r.id = h.repository_id AND r.name = $1
          JOIN digest AS d ON d.id = h.digest_id
         WHERE h.present
        """,
        repository,
    )
    return {str(Digest(row["algorithm"], row["hash"])) for row in rows}


def serve(registry: Hostile, *images: Image, repository: str = "app", tag: str = "") -> None:
    """Have the registry hold images, their children and blobs."""
    for image in images:
        serve(registry, *image.children, repository=repository)
        for name in (image.digest, tag) if tag else (image.digest,):
            registry.answers[f"/v2/{repository}/manifests/{name}"] = plain(image.content, media_type=image.media_type)
        for digest, blob in image.blobs.items():
            registry.answers[f"/v2/{repository}/blobs/{digest}"] = plain(blob, media_type="application/octet-stream")


def odd(document: object, media_type: str = content.OCI_MANIFEST) -> Image:
    return Image(orjson.dumps(document), media_type)


async def test_pushed_image_is_complete_soon_after(db: Pool, registry: Hostile) -> None:
    registry_id = await add_registry(db, "prod")
    image = make_image("x", labels={"org.opencontainers.image.description": "An app"})
    serve(registry, image)
    async with fetching(db, client(registry.url)):
        await until(lambda: db.fetchval("SELECT EXISTS (SELECT FROM pg_stat_activity WHERE query LIKE 'LISTEN%')"))
        started = asyncio.get_running_loop().time()
        await push(db, registry_id, image.digest, tag="1")
        await until(lambda: drained(db))
        assert asyncio.get_running_loop().time() - started < 1
    row = await manifest(db, image.digest)
    assert row is not None
    assert (row["state"], row["platforms"], row["created_at"].year) == ("complete", ["linux/amd64"], 2026)
    assert row["total_size_bytes"] == len(image.content) + sum(map(len, image.blobs.values()))
    repository = await db.fetchrow("SELECT platforms, description, unsized FROM repository")
    assert repository is not None
    assert tuple(repository) == (["linux/amd64"], "An app", True)
    assert await db.fetchval("SELECT count(*) FROM outbox") == 1


async def test_helm_chart_describes_its_repository(db: Pool, registry: Hostile) -> None:
    registry_id = await add_registry(db, "prod")
    config = orjson.dumps({"name": "gateway", "version": "1.2.3", "description": "Takes payments", "appVersion": "9"})
    descriptor = {"mediaType": "application/vnd.cncf.helm.config.v1+json", "digest": str(Digest.of(config))}
    layer = {"mediaType": "application/vnd.cncf.helm.chart.content.v1.tar+gzip", "digest": str(Digest.of(b"tgz"))}
    document = {"schemaVersion": 2, "config": {**descriptor, "size": len(config)}, "layers": [{**layer, "size": 3}]}
    chart = Image(orjson.dumps(document), content.OCI_MANIFEST, {str(Digest.of(config)): config})
    serve(registry, chart)
    await push(db, registry_id, chart.digest, tag="1.2.3")
    async with fetching(db, client(registry.url)):
        await until(lambda: drained(db))
    row = await db.fetchrow("SELECT title, description FROM repository")
    assert row is not None
    assert tuple(row) == ("gateway", "Takes payments")


async def test_forged_content_is_refused_and_true_content_of_another_registry_stored(db: Pool) -> None:
    body, payload = forged()
    digest = str(Digest.of(payload))
    async with hostile() as evil, hostile() as good:
        evil.answers[f"/v2/app/manifests/{digest}"] = plain(body, media_type=content.OCI_MANIFEST)
        good.answers[f"/v2/app/manifests/{digest}"] = plain(payload, media_type=content.OCI_MANIFEST)
        evil_id, good_id = await add_registry(db, "evil"), await add_registry(db, "good")
        async with fetching(db, client(evil.url, name="evil"), client(good.url, name="good")):
            await push(db, evil_id, digest, tag="1")
            await until(lambda: state(db, digest))
            assert await state(db, digest) == ("rejected", "digest_mismatch")
            await push(db, good_id, digest, tag="1")
            await until(lambda: db.fetchval("SELECT EXISTS (SELECT FROM manifest WHERE state = 'complete')"))
    row = await manifest(db, digest)
    assert row is not None
    assert row["annotations"] == {}


async def test_children_of_an_index_are_read_and_counted_into_it(db: Pool, registry: Hostile) -> None:
    registry_id = await add_registry(db, "prod")
    images = [make_image("x"), make_image("x", platform="linux/arm64/v8")]
    index = make_index(images)
    serve(registry, index)
    await push(db, registry_id, index.digest, tag="1")
    async with fetching(db, client(registry.url)):
        await until(lambda: drained(db))
    row = await manifest(db, index.digest)
    assert row is not None
    assert row["platforms"] == ["linux/amd64", "linux/arm64/v8"]
    parts = [image.content for image in images] + [blob for image in images for blob in image.blobs.values()]
    assert row["total_size_bytes"] == len(index.content) + sum(map(len, parts))
    assert await present(db) == {index.digest, *(image.digest for image in images)}


async def test_hundred_children_are_all_read_with_bounded_concurrency(db: Pool, registry: Hostile) -> None:
    registry_id = await add_registry(db, "prod")
    index = make_index([make_image(f"x{number}", layers=1) for number in range(100)])
    serve(registry, index)
    running, most = 0, 0
    answer = registry.answer

    async def counted(request: web.Request) -> web.StreamResponse:
        nonlocal running, most
        running += 1
        most = max(most, running)
        try:
            return await answer(request)
        finally:
            running -= 1

    registry.answer = counted  # type: ignore[method-assign]
    await push(db, registry_id, index.digest)
    async with fetching(db, client(registry.url, concurrency=4)):
        await until(lambda: drained(db), seconds=20)
    assert await db.fetchval("SELECT count(*) FROM manifest WHERE state = 'complete'") == 101
    assert len(await present(db)) == 101
    assert most <= 4


async def test_known_digest_is_not_fetched_again_for_another_repository(db: Pool, registry: Hostile) -> None:
    registry_id = await add_registry(db, "prod")
    image = make_image("x")
    serve(registry, image)
    async with fetching(db, client(registry.url)):
        await push(db, registry_id, image.digest)
        await until(lambda: drained(db))
        before = len(registry.seen)
        await push(db, registry_id, image.digest, repository="other", tag="1")
        await until(lambda: drained(db))
    assert len(registry.seen) == before
    assert await db.fetchval("SELECT platforms FROM repository WHERE name = 'other'") == ["linux/amd64"]


async def test_version_moves_for_content_that_was_being_written_when_a_repository_came_to_hold_it(
    db: Pool, registry: Hostile
) -> None:
    """Neither of the two transactions sees the other: what is queued makes up for it."""
    registry_id = await add_registry(db, "prod")
    image = make_image()
    async with db.acquire() as conn, conn.transaction():
        (digest_id,) = (await intern_digests(conn, [Digest.parse(image.digest)])).values()
    async with db.acquire() as writer:
        async with writer.transaction():
            await writer.execute(
                "INSERT INTO manifest (digest_id, state, media_type) VALUES ($1, 'complete', '')", digest_id
            )
            await push(db, registry_id, image.digest)
            before = await db.fetchval("SELECT version FROM repository")
        assert await db.fetchval("SELECT version FROM repository") == before

    async with fetching(db, client(registry.url)):
        await until(lambda: drained(db))

    assert await db.fetchval("SELECT version FROM repository") != before


async def fetch_with_sbom(db: Pool, registry: Hostile) -> tuple[Image, Image]:
    """Serve an image and an SBOM that the referrers API lists; push the image, and return both once it is fetched."""
    registry_id = await add_registry(db, "prod")
    image = make_image("x")
    sbom = make_artifact("{}", "application/spdx+json", image)
    serve(registry, image, sbom)
    listing = orjson.dumps({"schemaVersion": 2, "manifests": [{"digest": sbom.digest}]})
    registry.answers[f"/v2/app/referrers/{image.digest}"] = plain(listing, media_type=content.OCI_INDEX)
    await push(db, registry_id, image.digest)
    async with fetching(db, client(registry.url)):
        await until(lambda: drained(db))
    return image, sbom


async def test_referrers_are_found_through_the_api(db: Pool, registry: Hostile) -> None:
    image, sbom = await fetch_with_sbom(db, registry)

    assert await db.fetchval("SELECT referrers_supported FROM registry")
    assert await present(db) == {image.digest, sbom.digest}
    row = await manifest(db, sbom.digest)
    assert row is not None
    assert row["artifact_type"] == "application/spdx+json"
    assert row["subject_digest_id"] is not None


async def test_repository_is_read_in_full_when_not_all_referrers_were_read(
    db: Pool, registry: Hostile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "MAX_MANIFESTS", 1)
    image, _ = await fetch_with_sbom(db, registry)

    assert await present(db) == {image.digest}
    assert await db.fetchval("SELECT count(*) FROM question WHERE reference = $1", questions.EVERYTHING) == 1


async def test_referrers_are_found_through_fallback_tags(db: Pool, registry: Hostile) -> None:
    registry_id = await add_registry(db, "prod")
    image = make_image("x")
    sbom = make_artifact("{}", "application/spdx+json", image)
    fallback = make_index([sbom])
    serve(registry, image, fallback)
    await push(db, registry_id, image.digest)
    await push(db, registry_id, fallback.digest, tag=fallback_tag(image))
    async with fetching(db, client(registry.url)):
        await until(lambda: drained(db))
    assert not await db.fetchval("SELECT referrers_supported FROM registry")
    assert await present(db) == {image.digest, sbom.digest, fallback.digest}


CONFIG = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": "sha256:" + "c" * 64, "size": 20}
IMAGE = {"schemaVersion": 2, "mediaType": content.OCI_MANIFEST, "config": CONFIG, "layers": []}


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (odd(IMAGE), ("incomplete", "config_not_found")),
        (odd({**IMAGE, "config": {**CONFIG, "size": 50 * 2**20}}), ("incomplete", "config_too_large")),
        (odd({**IMAGE, "manifests": []}), ("rejected", "ambiguous")),
        (odd({**IMAGE, "mediaType": content.DOCKER_MANIFEST}), ("incomplete", "config_not_found")),
        (odd(IMAGE, "application/json"), ("incomplete", "config_not_found")),
        (odd(IMAGE, content.OCI_INDEX), ("rejected", "media_type_mismatch")),
        (odd({**IMAGE, "config": {**CONFIG, "size": -1}}), ("rejected", "bad_descriptor")),
        (odd({**IMAGE, "config": {**CONFIG, "size": 2**63}}), ("rejected", "bad_descriptor")),
        (odd({**IMAGE, "layers": [{**CONFIG, "digest": "md5:x"}]}), ("rejected", "bad_descriptor")),
        (odd({"schemaVersion": 1}, content.SCHEMA1), ("unsupported", "schema1")),
        (Image(b"not json", content.OCI_MANIFEST), ("rejected", "malformed")),
    ],
)
async def test_odd_documents_are_stored_as_what_they_are(
    db: Pool, registry: Hostile, image: Image, expected: tuple[str, str]
) -> None:
    registry_id = await add_registry(db, "prod")
    serve(registry, image)
    await push(db, registry_id, image.digest)
    async with fetching(db, client(registry.url)):
        await until(lambda: drained(db))
    assert await state(db, image.digest) == expected


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (plain(b"{}", media_type=content.OCI_MANIFEST), "digest_mismatch"),
        (plain(b" " * (5 * 2**20), media_type=content.OCI_MANIFEST), "too_large"),
    ],
)
async def test_refused_bytes_give_way_to_good_ones_from_another_registry(
    db: Pool, registry: Hostile, answer: Any, problem: str
) -> None:
    bad_id, good_id = await add_registry(db, "bad"), await add_registry(db, "prod")
    image = make_image("x")
    async with hostile() as bad:
        bad.answers[f"/v2/app/manifests/{image.digest}"] = answer
        serve(registry, image, repository="good")
        async with fetching(db, client(bad.url, name="bad"), client(registry.url)):
            await push(db, bad_id, image.digest)
            await until(lambda: state(db, image.digest))
            assert await state(db, image.digest) == ("rejected", problem)
            await db.execute("UPDATE manifest SET fetched_at = now() - interval '2 hours'")
            await push(db, good_id, image.digest, repository="good")
            await until(lambda: db.fetchval("SELECT EXISTS (SELECT FROM manifest WHERE state = 'complete')"))
    assert await state(db, image.digest) == ("complete", "")


async def test_nested_indexes_are_followed_three_levels(db: Pool, registry: Hostile) -> None:
    registry_id = await add_registry(db, "prod")
    levels = [make_image("x")]
    for _ in range(10):
        levels.append(make_index([levels[-1]]))
    serve(registry, levels[-1])
    await push(db, registry_id, levels[-1].digest)
    async with fetching(db, client(registry.url)):
        await until(lambda: drained(db))
    assert await db.fetchval("SELECT count(*) FROM manifest") == 4


async def test_index_whose_children_are_missing_is_complete_itself(db: Pool, registry: Hostile) -> None:
    registry_id = await add_registry(db, "prod")
    index = make_index([make_image("x"), make_image("y")])
    serve(registry, index)
    registry.answers.pop(f"/v2/app/manifests/{index.children[1].digest}")
    await push(db, registry_id, index.digest)
    async with fetching(db, client(registry.url)):
        await until(lambda: drained(db))
    assert await state(db, index.digest) == ("complete", "")
    assert await present(db) == {index.digest, index.children[0].digest}


async def test_manifest_that_cannot_be_read_yet_is_read_a_moment_later(db: Pool, registry: Hostile) -> None:
    registry_id = await add_registry(db, "prod")
    image = make_image("x")
    serve(registry, image)
    path = f"/v2/app/manifests/{image.digest}"
    registry.answers[path] = [plain(status=404), plain(image.content, media_type=image.media_type)]
    await push(db, registry_id, image.digest)
    async with fetching(db, client(registry.url)):
        await until(lambda: drained(db))
    assert await state(db, image.digest) == ("complete", "")


@pytest.mark.parametrize("readable", [True, False])
async def test_manifest_that_stays_missing_is_gone_only_where_we_may_read(
    db: Pool, registry: Hostile, readable: bool
) -> None:
    registry_id = await add_registry(db, "prod")
    image = make_image("x")
    if readable:
        registry.answers["/v2/app/tags/list"] = plain(b'{"name": "app", "tags": []}')
    await push(db, registry_id, image.digest)
    await db.execute("UPDATE fetch_queue SET attempts = 5")
    async with fetching(db, client(registry.url)):
        await until(lambda: drained(db))
    assert await state(db, image.digest) == (None if readable else ("rejected", "not_found"))
    assert await present(db) == (set() if readable else {image.digest})


async def test_dead_registry_holds_up_nobody_else(db: Pool, registry: Hostile) -> None:
    dead_id, registry_id = await add_registry(db, "dead"), await add_registry(db, "prod")
    lost = [make_image(f"lost{number}", layers=1) for number in range(30)]
    for image in lost:
        await push(db, dead_id, image.digest, repository="lost")
    image = make_image("x")
    serve(registry, image)
    dead = client("http://127.0.0.1:1", name="dead")
    async with fetching(db, dead, client(registry.url)):
        await push(db, registry_id, image.digest)
        await until(lambda: state(db, image.digest), seconds=3)
    assert await db.fetchval("SELECT count(*) FROM fetch_queue WHERE registry_id = $1", dead_id) == 30


async def test_paused_registry_is_left_alone(db: Pool, registry: Hostile) -> None:
    registry_id = await add_registry(db, "prod")
    await db.execute("UPDATE registry SET paused = true")
    image = make_image("x")
    serve(registry, image)
    await push(db, registry_id, image.digest)
    async with fetching(db, client(registry.url)):
        await asyncio.sleep(0.3)
        assert registry.seen == []
        await db.execute("UPDATE registry SET paused = false")
        await until(lambda: drained(db))


async def test_passing_trouble_of_the_registry_is_waited_out(db: Pool, registry: Hostile) -> None:
    registry_id = await add_registry(db, "prod")
    image = make_image("x")
    serve(registry, image)
    path = f"/v2/app/manifests/{image.digest}"
    registry.answers[path] = [*[plain(status=503)] * 5, plain(image.content, media_type=image.media_type)]
    await push(db, registry_id, image.digest)
    async with fetching(db, client(registry.url)):
        await until(lambda: db.fetchval("SELECT EXISTS (SELECT FROM fetch_queue WHERE attempts = 1)"))
        await until(lambda: drained(db))
    assert await state(db, image.digest) == ("complete", "")


async def test_disputed_tag_is_asked_for_again(db: Pool, registry: Hostile) -> None:
    registry_id = await add_registry(db, "prod")
    old, new = make_image("old"), make_image("new")
    serve(registry, old)
    serve(registry, new, tag="1")
    await push(db, registry_id, old.digest, tag="1")
    repository_id = await db.fetchval("SELECT id FROM repository")
    async with db.acquire() as conn, conn.transaction():
        await questions.raise_questions(conn, [(repository_id, "1"), (repository_id, "2")], delay=timedelta(0))
    async with fetching(db, client(registry.url)):
        await until(lambda: db.fetchval("SELECT NOT EXISTS (SELECT FROM question)"))
        await until(lambda: drained(db))
    hash = await db.fetchval("SELECT d.hash FROM tag AS t JOIN digest AS d ON d.id = t.digest_id WHERE t.tag = '1'")
    assert hash == Digest.parse(new.digest).hash
    assert await state(db, new.digest) == ("complete", "")


async def test_two_writers_of_an_index_and_its_children_agree_on_its_size(db: Pool, registry: Hostile) -> None:
    registry_id = await add_registry(db, "prod")
    index = make_index([make_image(f"x{number}", layers=1) for number in range(12)])
    serve(registry, index)
    for image in (*index.children, index):
        await push(db, registry_id, image.digest)
    async with fetching(db, client(registry.url)):
        await until(lambda: drained(db))
    row = await manifest(db, index.digest)
    assert row is not None
    sizes = "SELECT sum(total_size_bytes)::bigint FROM manifest WHERE NOT is_index"
    assert row["total_size_bytes"] == len(index.content) + await db.fetchval(sizes)


def test_pauses_grow_and_are_capped() -> None:
    for problem in ("not_found", "unavailable", "unauthorized"):
        pauses = [retry_seconds(problem, attempts) for attempts in range(1, 100)]
        assert pauses == sorted(pauses)
        assert pauses[-1] == 3600
