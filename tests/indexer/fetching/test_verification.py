"""`db verify-content`: what is stored is asked for again, and repaired where it is wrong (fault 1)."""

from collections.abc import AsyncIterator

import orjson
import pytest
import pytest_asyncio

from indexer import manifest as content
from indexer.fetching.verification import Verified, verify_content
from regdex.database import Pool
from regdex.digest import Digest
from regdex.store.content.manifests import count_unread
from tests.harness.forgery import forged
from tests.harness.hostile import Hostile, client, hostile, plain
from tests.harness.registries import Image, make_artifact, make_image, make_index
from tests.indexer.fetching.test_fetcher import add_registry, drained, fetching, manifest, push, serve, state, until

TITLE = "org.opencontainers.image.title"


@pytest_asyncio.fixture
async def registry() -> AsyncIterator[Hostile]:
    async with hostile() as server:
        yield server


async def store(db: Pool, registry: Hostile, *images: Image) -> int:
    """Have images of every kind read by a fetcher."""
    registry_id = await add_registry(db, "prod")
    for number, image in enumerate(images):
        serve(registry, image)
        await push(db, registry_id, image.digest, tag=str(number))
    async with fetching(db, client(registry.url)):
        await until(lambda: drained(db))
    return registry_id


async def verify(db: Pool, registry_id: int, url: str, *, sample: int | None = None) -> Verified:
    async with client(url) as reader:
        return await verify_content(db, {registry_id: reader}, sample=sample)


def stock() -> list[Image]:
    image = make_image("x", labels={TITLE: "Gateway", "a": "b"}, annotations={"c": "d"})
    artifact = make_artifact("{}", "application/spdx+json", image)
    index = make_index([make_image("y"), make_image("y", platform="linux/arm64/v8")], annotations={"e": "f"})
    return [image, artifact, index, Image(orjson.dumps({"schemaVersion": 1}), content.SCHEMA1)]


@pytest.mark.parametrize("sample", [None, 100])
async def test_what_was_stored_is_what_registries_say(db: Pool, registry: Hostile, sample: int | None) -> None:
    registry_id = await store(db, registry, *stock())
    before = await db.fetch("SELECT * FROM manifest ORDER BY digest_id")

    verified = await verify(db, registry_id, registry.url, sample=sample)

    assert (verified.asked, verified.differences, verified.unread) == (6, [], {})
    assert await db.fetch("SELECT * FROM manifest ORDER BY digest_id") == before


async def test_sample_is_no_larger_than_asked_for(db: Pool, registry: Hostile) -> None:
    registry_id = await store(db, registry, *stock())
    assert (await verify(db, registry_id, registry.url, sample=2)).asked == 2


@pytest.mark.parametrize(
    ("number", "damage", "field"),
    [
        (0, "UPDATE manifest SET labels = '{\"a\": \"forged\"}' WHERE digest_id = $1", "labels"),
        (0, "UPDATE manifest SET platforms = '{linux/riscv64}' WHERE digest_id = $1", "platforms"),
        (0, "UPDATE manifest SET total_size_bytes = 1 WHERE digest_id = $1", "total_size_bytes"),
        (0, "UPDATE manifest SET created_at = now() WHERE digest_id = $1", "created_at"),
        (0, "UPDATE manifest SET history = '[]' WHERE digest_id = $1", "history"),
        (0, "DELETE FROM manifest_layer WHERE digest_id = $1 AND position = 0", "layers"),
        (0, "UPDATE manifest_layer SET diff_digest_id = NULL WHERE digest_id = $1", "layers"),
        (1, "UPDATE manifest SET subject_digest_id = NULL WHERE digest_id = $1", "subject_digest_id"),
        (2, "UPDATE manifest SET annotations = '{}' WHERE digest_id = $1", "annotations"),
        (2, "UPDATE manifest_child SET architecture = 's390x' WHERE digest_id = $1", "manifests"),
        (2, "UPDATE manifest SET is_index = false WHERE digest_id = $1", "is_index"),
        (3, "UPDATE manifest SET state = 'complete' WHERE digest_id = $1", "state"),
    ],
)  # fmt: skip
async def test_rows_that_differ_are_named_and_repaired(
    db: Pool, registry: Hostile, number: int, damage: str, field: str
) -> None:
    registry_id = await store(db, registry, *stock())
    digest = Digest.parse(stock()[number].digest)
    before = await _rows(db)
    await db.execute(damage, await db.fetchval("SELECT id FROM digest WHERE hash = $1", digest.hash))
    assert await _rows(db) != before

    verified = await verify(db, registry_id, registry.url)

    assert [(each.digest, each.fields) for each in verified.differences] == [(digest, (field,))]
    assert await _rows(db) == before
    assert (await verify(db, registry_id, registry.url)).differences == []


async def _rows(db: Pool) -> list[object]:
    return [
        await db.fetch(
            "SELECT digest_id, state, is_index, labels, annotations, platforms, total_size_bytes, created_at, history, "
            "subject_digest_id FROM manifest ORDER BY digest_id"
        ),
        await db.fetch("SELECT * FROM manifest_layer ORDER BY digest_id, position"),
        await db.fetch("SELECT * FROM manifest_child ORDER BY digest_id, position"),
    ]


async def test_words_of_a_repository_follow_a_repair(db: Pool, registry: Hostile) -> None:
    registry_id = await store(db, registry, stock()[0])
    await db.execute("UPDATE manifest SET labels = '{}'")
    await db.execute("UPDATE repository SET title = ''")
    await db.execute("DELETE FROM outbox")

    await verify(db, registry_id, registry.url)

    assert await db.fetchval("SELECT title FROM repository") == "Gateway"
    assert await db.fetchval("SELECT count(*) FROM outbox") == 1


async def forge(db: Pool, registry_id: int) -> str:
    """What an earlier release stored for a forged document: its content, under the digest of the payload."""
    payload = forged()[1]
    digest = str(Digest.of(payload))
    await push(db, registry_id, digest, tag="1")
    await db.execute("DELETE FROM fetch_queue")
    await db.execute(
        """
        INSERT INTO manifest (digest_id, state, media_type, labels, fetched_at)
        SELECT id, 'complete', '', '{"org.opencontainers.image.title": "Forged"}', now() - interval '1 day'
          FROM digest
         WHERE hash = $1
        """,
        Digest.parse(digest).hash,
    )
    return digest


async def test_forged_content_that_nobody_has_becomes_rejected(db: Pool, registry: Hostile) -> None:
    registry_id = await add_registry(db, "prod")
    digest = await forge(db, registry_id)
    registry.answers[f"/v2/app/manifests/{digest}"] = plain(forged()[0], media_type=content.OCI_MANIFEST)

    verified = await verify(db, registry_id, registry.url)

    assert [str(each.digest) for each in verified.differences] == [digest]
    assert await state(db, digest) == ("rejected", "digest_mismatch")
    assert await count_unread(db, None) == 1


@pytest.mark.parametrize("first", ["evil", "good"])
async def test_forged_content_is_replaced_by_that_of_the_registry_that_has_it(db: Pool, first: str) -> None:
    async with hostile() as evil, hostile() as good:
        ids = {name: await add_registry(db, name) for name in (first, *{"evil", "good"} - {first})}
        digest = await forge(db, ids["evil"])
        await push(db, ids["good"], digest, tag="1")
        evil.answers[f"/v2/app/manifests/{digest}"] = plain(forged()[0], media_type=content.OCI_MANIFEST)
        good.answers[f"/v2/app/manifests/{digest}"] = plain(forged()[1], media_type=content.OCI_MANIFEST)
        async with client(evil.url) as bad, client(good.url) as kind:
            verified = await verify_content(db, {ids["evil"]: bad, ids["good"]: kind})
    assert len(verified.differences) == 1
    row = await manifest(db, digest)
    assert row is not None
    assert (row["state"], row["labels"], row["media_type"]) == ("complete", {}, content.OCI_MANIFEST)


@pytest.mark.parametrize(
    ("path", "answer", "problem"),
    [
        ("manifests/{digest}", plain(status=404), "not_found"),
        ("manifests/{digest}", plain(status=503), "unavailable"),
        ("manifests/{digest}", plain(b"<html>", media_type="text/html"), "unexpected_content"),
        ("blobs/{config}", plain(b"other bytes"), "config_unread"),
        ("blobs/{config}", plain(status=404), "config_unread"),
    ],
)
async def test_rows_stay_where_nothing_can_be_said(
    db: Pool, registry: Hostile, path: str, answer: object, problem: str
) -> None:
    image = stock()[0]
    registry_id = await store(db, registry, image)
    name = path.format(digest=image.digest, config=image.config_digest)
    registry.answers[f"/v2/app/{name}"] = answer  # type: ignore[assignment]

    verified = await verify(db, registry_id, registry.url)

    assert (verified.asked, verified.differences, verified.unread) == (0, [], {problem: 1})
    assert await state(db, image.digest) == ("complete", "")
