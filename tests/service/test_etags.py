"""Entity tags of reads: strong, of what an answer says, not of the watermark; what If-None-Match may say (B33)."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio

from regdex.database import Pool
from regdex.store.catalog import gaps
from service.process import Addresses
from service.rest.answers import FRESH_SECONDS
from tests.harness.seed import Seed, at, digest_of

TAGS = "/api/v1/repositories/prod/team/app/-/tags"
MANIFEST = f"/api/v1/repositories/prod/team/app/-/manifests/{digest_of('first')}"
READS = [
    "/api/v1/registries",
    "/api/v1/registries/prod",
    "/api/v1/projects",
    "/api/v1/repositories",
    "/api/v1/repositories/prod/team/app",
    TAGS,
    f"{TAGS}/1.4",
    f"{TAGS}/1.4/history",
    MANIFEST,
    f"{MANIFEST}/referrers",
    f"/api/v1/digests/{digest_of('first')}",
    "/api/v1/resolve?reference=prod.example.com/team/app:1.4",
    "/api/v1/search?q=app",
    "/api/v1/suggest?q=app",
    f"/api/v1/downloads?registry=prod&from={at(0):%Y-%m-%dT%H:00:00Z}&to={at(60):%Y-%m-%dT%H:00:00Z}",
    "/api/v1/downloads/top",
    "/api/v1/dead-letters",
]
VERSIONED = [TAGS, f"{TAGS}?as_of=2100-01-01T00:00:00Z", f"{TAGS}/1.4", f"{TAGS}/1.4/history", MANIFEST]
FORGED = ',"indexed_through":"{}"'


@pytest_asyncio.fixture
async def repository(seed: Seed) -> int:
    await seed.registry("prod")
    repository = await seed.repository("prod", "team/app")
    await seed.image("first", layers=("base",))
    await seed.tag(repository, "1.4", "first")
    return repository


@pytest_asyncio.fixture
async def rest(service: Addresses) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(f"http://{service.rest}") as session:
        yield session


async def status(rest: aiohttp.ClientSession, path: str, condition: str) -> int:
    async with rest.get(path, headers={"If-None-Match": condition}) as response:
        if response.status == 304:
            assert await response.read() == b""
            assert "ETag" in response.headers
        return response.status


async def etag(rest: aiohttp.ClientSession, path: str) -> str:
    async with rest.get(path) as response:
        assert response.status == 200, await response.text()
        return response.headers["ETag"]


async def changed(rest: aiohttp.ClientSession, path: str, tag: str) -> str:
    """The next tag of a path, which a quarter of a second may pass before."""
    async with asyncio.timeout(10):
        while await status(rest, path, tag) == 304:  # noqa: ASYNC110 - nobody tells when it is over
            await asyncio.sleep(0.05)
    return await etag(rest, path)


async def test_every_catalog_read_has_a_strong_tag_that_is_taken_back(
    rest: aiohttp.ClientSession, repository: int
) -> None:
    for path in READS:
        tag = await etag(rest, path)
        assert tag.startswith('"')
        assert await status(rest, path, tag) == 304, path
        assert await status(rest, path, '"other"') == 200, path


async def test_a_tag_stays_while_nothing_changes(
    rest: aiohttp.ClientSession, repository: int, seed: Seed, db: Pool
) -> None:
    before = [await etag(rest, path) for path in READS]
    await db.execute("UPDATE repository SET downloads_30d = downloads_30d")
    await asyncio.sleep(FRESH_SECONDS * 2)

    assert [await etag(rest, path) for path in READS] == before


async def test_what_an_image_says_cannot_hide_its_changes(
    rest: aiohttp.ClientSession, repository: int, seed: Seed, db: Pool
) -> None:
    """Fault 28: the tag was cut where an annotation wanted it to be."""
    await seed.image("signature", subject="first", annotations={"a": FORGED, "b": "good"})
    await seed.present(repository, "signature")
    tags = {path: await etag(rest, path) for path in (MANIFEST, f"{MANIFEST}/referrers")}

    for word in ("bad", "worse", FORGED):
        said = {"a": FORGED, "b": word, FORGED: "key"}
        await db.execute("UPDATE manifest SET labels = $1, annotations = $1", said)
        for path, tag in tags.items():
            tags[path] = await changed(rest, path, tag)
            async with rest.get(path) as response:
                assert word.replace('"', '\\"') in await response.text()


@pytest.mark.parametrize("path", VERSIONED)
async def test_a_tag_of_a_version_is_of_that_question_alone(
    rest: aiohttp.ClientSession, repository: int, seed: Seed, path: str
) -> None:
    tag = await etag(rest, path)
    others = [other for other in VERSIONED if other != path]

    assert [await status(rest, other, tag) for other in others] == [200] * len(others)
    assert await status(rest, path + ("&" if "?" in path else "?") + "nonsense=1", tag) == 400
    assert await status(rest, path.replace("team/app", "team/none"), "*") == 404
    assert await status(rest, path.replace("team/app", "team/none"), tag) == 404


@pytest.mark.parametrize("path", VERSIONED)
async def test_a_tag_changes_when_the_registry_becomes_incomplete(
    rest: aiohttp.ClientSession, repository: int, seed: Seed, db: Pool, path: str
) -> None:
    await db.execute("DELETE FROM gap")
    tag = await etag(rest, path)

    registry_id = await db.fetchval("SELECT id FROM registry WHERE name = 'prod'")
    await gaps.note_lost_events(db, [registry_id], reason="indexer_killed", since=at(0))

    incomplete = await changed(rest, path, tag)
    async with rest.get(path, headers={"If-None-Match": incomplete}) as response:
        assert (response.status, response.headers["Regdex-Complete"]) == (304, "false")


async def test_an_answer_that_the_client_knows_is_not_built(
    rest: aiohttp.ClientSession, repository: int, seed: Seed, db: Pool
) -> None:
    tags = {path: await etag(rest, path) for path in VERSIONED}
    await asyncio.sleep(FRESH_SECONDS * 2)
    await db.execute("ALTER TABLE manifest RENAME TO moved_away")

    assert [await status(rest, path, tag) for path, tag in tags.items()] == [304] * len(tags)
    assert [await status(rest, path, '"other"') for path in tags] == [500] * len(tags)


async def test_a_tag_changes_with_the_content_and_not_with_the_watermark(
    rest: aiohttp.ClientSession, repository: int, seed: Seed, db: Pool
) -> None:
    before = await etag(rest, TAGS)

    await db.execute("UPDATE registry SET events_through = $1", at(500))
    async with asyncio.timeout(10):
        while True:
            async with rest.get(TAGS, headers={"If-None-Match": before}) as response:
                assert response.status == 304
                if response.headers["Regdex-Indexed-Through"] == at(500).isoformat().replace("+00:00", "Z"):
                    break
            await asyncio.sleep(0.05)

    await seed.tag(repository, "1.5", "second")
    assert await changed(rest, TAGS, before) != before


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("{tag}", 304),
        ("W/{tag}", 304),
        ('"other", {tag}', 304),
        ('W/"other",W/{tag}', 304),
        ("*", 304),
        ("", 200),
        ('"other"', 200),
        ("garbage", 200),
        ('"' + "x" * 10_000, 400),
        (", ".join(['"x"'] * 3000), 400),
    ],
)
async def test_conditions_are_read_by_the_standard(
    rest: aiohttp.ClientSession, repository: int, condition: str, expected: int
) -> None:
    tag = await etag(rest, TAGS)

    assert await status(rest, TAGS, condition.replace("{tag}", tag)) == expected
