"""Entity tags of catalog reads: strong, of the content, not of the watermark; what If-None-Match may say (B33)."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio

from regdex.database import Pool
from service.process import Addresses
from tests.harness.seed import Seed, at, digest_of

TAGS = "/api/v1/repositories/prod/team/app/-/tags"
READS = [
    "/api/v1/registries",
    "/api/v1/registries/prod",
    "/api/v1/projects",
    "/api/v1/repositories",
    "/api/v1/repositories/prod/team/app",
    TAGS,
    f"{TAGS}/1.4",
    f"{TAGS}/1.4/history",
    f"/api/v1/repositories/prod/team/app/-/manifests/{digest_of('first')}",
    f"/api/v1/repositories/prod/team/app/-/manifests/{digest_of('first')}/referrers",
    f"/api/v1/digests/{digest_of('first')}",
    "/api/v1/resolve?reference=prod.example.com/team/app:1.4",
]


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


async def test_every_catalog_read_has_a_strong_tag_that_is_taken_back(
    rest: aiohttp.ClientSession, repository: int
) -> None:
    for path in READS:
        tag = await etag(rest, path)
        assert tag.startswith('"')
        assert await status(rest, path, tag) == 304, path
        assert await status(rest, path, '"other"') == 200, path


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
    async with asyncio.timeout(10):
        while await status(rest, TAGS, before) == 304:  # noqa: ASYNC110 - a quarter of a second may be kept
            await asyncio.sleep(0.05)
    assert await etag(rest, TAGS) != before


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
