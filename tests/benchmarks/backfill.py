"""Backfill of a real registry: first run and a run that finds nothing new, beside a bare enumerator of aiohttp."""

import asyncio
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import orjson

from indexer.manifest import MEDIA_TYPES
from indexer.registry.client import Limits
from regdex.settings import Registry
from regdex.store.queues import backfills
from tests.benchmarks.harness import ROUNDS, Context, Row
from tests.harness.registries import DockerRegistry, Image, docker_registry, make_image, make_index, put
from tests.indexer.backfill.stage import add_registry, backfilling, ended

REPOSITORIES = 40
TAGS = 20
MULTI_ARCH_EVERY = 10
PUSHED_AT_ONCE = 8
POLL_SECONDS = 0.05
ACCEPT = ", ".join(MEDIA_TYPES)


async def rows(context: Context) -> list[Row]:
    if shutil.which("docker-registry") is None:
        print("backfill: LEFT OUT, docker-registry is not installed", flush=True)
        return []
    with tempfile.TemporaryDirectory(prefix="regdex-bench-") as folder:
        async with docker_registry(Path(folder)) as registry:
            images = await _push_all(registry)
            settings = Registry(name="prod", url=registry.url)
            first, again, bare = [], [], []
            for _ in range(ROUNDS):
                async with context.database() as db:
                    first.append(await _timed(db, settings))
                    again.append(await _timed(db, settings))
                bare.append(await _enumerate(registry.url, settings.concurrency, images))
    requests = first[0][1]["request_count"] / images
    assert first[0][1]["manifest_count"] >= images, first[0][1]
    assert again[0][1]["manifest_count"] == 0, again[0][1]
    seconds = [took for took, _ in first]
    beside_bare = statistics.median(other / took for took, other in zip(seconds, bare, strict=True))
    beside_first = statistics.median(took / other for took, (other, _) in zip(seconds, again, strict=True))
    rate, bare_rate = images / statistics.median(seconds), images / statistics.median(bare)
    tags = REPOSITORIES * TAGS
    return [
        Row(
            "backfill, first run, images",
            f"{rate:,.0f}/s",
            f"{bare_rate:,.0f}/s",
            beside_bare,
            ">= 0.85",
            beside_bare >= 0.85,
        ),
        Row("backfill, requests an image", f"{requests:.2f}", "2.3", requests / 2.3, "<= 1", requests <= 2.3),
        Row(
            "backfill, nothing changed, beside the first run",
            f"{tags / statistics.median(took for took, _ in again):,.0f} tags/s",
            f"{tags / statistics.median(seconds):,.0f} tags/s",
            beside_first,
            ">= 2",
            beside_first >= 2,
        ),
    ]


async def _timed(db: Any, settings: Registry) -> tuple[float, asyncpg.Record]:
    """A run from being asked for to its end."""
    registry_id = await add_registry(db, settings)
    began = time.perf_counter()
    asked = await backfills.request_backfill(db, registry_id, force=False)
    async with backfilling(db, settings, Limits()):
        while await db.fetchval("SELECT state IN ('waiting', 'running') FROM backfill WHERE id = $1", asked["id"]):  # noqa: ASYNC110
            await asyncio.sleep(POLL_SECONDS)
        run = await ended(db, asked["id"])
    assert run["state"] == "complete", run["message"]
    return time.perf_counter() - began, run


async def _push_all(registry: DockerRegistry) -> int:
    """Push; returns how many images, a platform each. Every tenth tag is of an index of two."""
    count = 0
    limit = asyncio.Semaphore(PUSHED_AT_ONCE)

    async def push(image: Image, repository: str, tag: str) -> None:
        async with limit:
            await put(image, registry.url, repository, tag)

    async with asyncio.TaskGroup() as group:
        for number in range(REPOSITORIES * TAGS):
            app = number // TAGS
            repository, tag = f"team-{app % 7}/app-{app}", f"1.{number % TAGS}"
            if number % MULTI_ARCH_EVERY:
                image = make_image(f"{repository} {tag}")
            else:
                platforms = ("linux/amd64", "linux/arm64")
                image = make_index([make_image(f"{repository} {tag}", platform=platform) for platform in platforms])
            count += len(image.children) or 1
            group.create_task(push(image, repository, tag))
    return count


async def _enumerate(url: str, concurrency: int, images: int) -> float:
    """Seconds to read the same with nothing kept: every tag, its manifest, children and configs."""
    found = 0
    connector = aiohttp.TCPConnector(limit=concurrency)
    async with aiohttp.ClientSession(url, connector=connector, headers={"Accept": ACCEPT}) as http:

        async def get(path: str) -> Any:
            async with http.get(path) as response:
                assert response.status == 200, path
                return orjson.loads(await response.read())

        async def read(repository: str, reference: str) -> None:
            nonlocal found
            manifest = await get(f"/v2/{repository}/manifests/{reference}")
            if "config" in manifest:
                await get(f"/v2/{repository}/blobs/{manifest['config']['digest']}")
                found += 1
            else:
                await asyncio.gather(*(read(repository, child["digest"]) for child in manifest["manifests"]))

        async def read_tags(repository: str) -> None:
            tags = (await get(f"/v2/{repository}/tags/list"))["tags"]
            await asyncio.gather(*(read(repository, tag) for tag in tags))

        began = time.perf_counter()
        names = (await get("/v2/_catalog?n=1000"))["repositories"]
        await asyncio.gather(*(read_tags(name) for name in names))
        took = time.perf_counter() - began
    assert found == images, (found, images)
    return took
