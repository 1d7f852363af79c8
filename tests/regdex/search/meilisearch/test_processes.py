"""`index` and `serve` that share nothing but PostgreSQL and a Meilisearch, as on two machines."""

import asyncio
from pathlib import Path

import pytest
from aiohttp import web

from regdex.database import Pool
from tests.harness.deliveries import push
from tests.operations.installation import Installation, until
from tests.regdex.search.meilisearch.between import Forward, Request
from tests.regdex.search.meilisearch.conftest import Place


def machine(directory: Path, url: str, place: Place) -> Installation:
    """A machine of its own, with its own `data_dir`."""
    installation = Installation(directory, url)
    (directory / "key").write_text(place.key or "no key is needed")
    with installation.config.open("a") as config:
        config.write(f'\n[search]\nurl = "{place.between.url}"\nindex = "{place.index}"\napi_key_file = "key"\n')
    return installation


@pytest.fixture
def indexing(tmp_path: Path, database_url: str, place: Place) -> Installation:
    return machine(tmp_path / "one", database_url, place)


@pytest.fixture
def serving(tmp_path: Path, database_url: str, place: Place) -> Installation:
    return machine(tmp_path / "two", database_url, place)


async def finds(serving: Installation, words: str, repository: str, source: str) -> bool:
    answer = await serving.ask("/search", q=words)
    assert answer["degraded"] == (answer["source"] == "postgres")
    return answer["source"] == source and repository in [hit["repository"] for hit in answer["hits"]]


async def test_f17_f19_on_two_machines_postgresql_answers_while_the_engine_does_not(
    indexing: Installation, serving: Installation, place: Place, db: Pool
) -> None:
    async with indexing.running("index"), serving.running("serve"):
        await indexing.deliver(push(1, repository="team/first"))
        await until(lambda: finds(serving, "first", "team/first", "meilisearch"))

        release = asyncio.Event()

        async def slow(request: Request, forward: Forward) -> web.Response:
            await release.wait()
            return await forward(request)

        place.between.script = slow
        began = asyncio.get_running_loop().time()
        assert await finds(serving, "first", "team/first", "postgres")
        assert asyncio.get_running_loop().time() - began < 3

        place.between.script = None
        release.set()
        await place.between.go_away()
        await indexing.deliver(push(2, repository="team/second"))  # accepted, whatever the engine does
        await until(lambda: finds(serving, "second", "team/second", "postgres"))

        await place.between.listen()
        await until(lambda: finds(serving, "second", "team/second", "meilisearch"))


async def test_a_killed_publisher_is_followed_by_one_on_another_machine(
    indexing: Installation, serving: Installation, tmp_path: Path, database_url: str, place: Place, db: Pool
) -> None:
    other = machine(tmp_path / "three", database_url, place)
    first = await indexing.start("index")
    await indexing.ready("index_metrics", first)
    async with other.running("index"), serving.running("serve"):
        await indexing.deliver(push(1, repository="team/first"))
        await until(lambda: finds(serving, "first", "team/first", "meilisearch"))

        await first.kill()

        await other.deliver(push(2, repository="team/second"))
        await until(lambda: finds(serving, "second", "team/second", "meilisearch"))
