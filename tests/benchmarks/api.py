"""REST: lookups that no cache has, with their p99; a list of tags; and what the process cache and an ETag save."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import cycle

import orjson
from aiohttp import web

from regdex.database import Pool
from regdex.settings import Grpc, Rest, Settings
from service.process import serving
from tests.benchmarks import catalog
from tests.benchmarks.catalog import digest_of
from tests.benchmarks.harness import Context, Row, alternate_loads
from tests.benchmarks.load import Load, drive, request

SECONDS = 3.0
CONNECTIONS = 16
LOOKUPS = 40_000
CONSTANT = b'{"tag": "1.0"}'


async def rows(context: Context) -> list[Row]:
    found: list[Row] = []
    async with AsyncExitStack() as stack:
        db = await stack.enter_async_context(context.database())
        await catalog.fill(db)
        settings = Settings(rest=Rest(listen="127.0.0.1:0"), grpc=Grpc(listen="127.0.0.1:0"))
        addresses = await stack.enter_async_context(serving(settings, db, None))
        ours, bare = int(addresses.rest.rpartition(":")[2]), await stack.enter_async_context(_bare(db))
        names = list(catalog.names(1, LOOKUPS))
        tags = [f"/repositories/prod/{repository}/-/tags/{tag}" for repository, tag in names]
        lists = [f"/repositories/prod/team/app-{number}/-/tags" for number in range(catalog.REPOSITORIES)]
        pages = [f"{path}?page_size=95" for path in lists]
        known = [{"if_none_match": await _etag(ours, path)} for path in pages]

        for label, paths, others, headers, goal, p99_goal in (
            ("REST, a tag, uncached", tags, [f"/tag?{r}:{t}" for r, t in names], [{}], 0.75, 1.5),
            (
                "REST, a digest, uncached",
                [f"/digests/sha256:{digest_of(*name)}" for name in names],
                [f"/digest?{digest_of(*name)}" for name in names],
                [{}],
                0.75,
                1.5,
            ),
            (
                "REST, 95 tags, uncached",
                pages,
                [f"/tags?team/app-{number}" for number in range(catalog.REPOSITORIES)],
                [{}],
                0.80,
                None,
            ),
            ("REST, a tag, from the process cache", tags[:1], ["/constant"], [{}], 0.50, None),
            (
                "REST, a list whose ETag holds, from the process cache",
                ["/registries"],
                ["/constant"],
                [{"if_none_match": await _etag(ours, "/registries")}],
                0.50,
                None,
            ),
            (
                "REST, 95 tags whose ETag holds, uncached",
                pages,
                [f"/tags?team/app-{number}" for number in range(catalog.REPOSITORIES)],
                known,
                2.0,
                None,
            ),
        ):
            mine = [request("GET", f"/api/v1{path}", **said) for path, said in zip(paths, cycle(headers), strict=False)]
            theirs = [request("GET", path) for path in others]
            loads = await alternate_loads(
                lambda mine=mine: _load(ours, mine),  # type: ignore[misc]
                lambda theirs=theirs: _load(bare, theirs),  # type: ignore[misc]
            )
            found.append(loads.rate_row(label, goal))
            if p99_goal is not None:
                found.append(loads.p99_row(label, p99_goal))
    return found


async def _load(port: int, requests: Sequence[bytes]) -> Load:
    measured = await drive("127.0.0.1", port, requests, connections=CONNECTIONS, seconds=SECONDS)
    assert len(measured.statuses) == 1, measured.statuses
    assert measured.statuses.keys() <= {"200", "304"}, measured.statuses
    return measured


async def _etag(port: int, path: str) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request("GET", f"/api/v1{path}", connection="close"))
    head = (await reader.read()).decode()
    writer.close()
    return next(line.partition(": ")[2] for line in head.splitlines() if line.lower().startswith("etag:"))


@asynccontextmanager
async def _bare(db: Pool) -> AsyncIterator[int]:
    async def tag(request: web.Request) -> web.Response:
        row = await db.fetchrow(catalog.TAG, "prod", *request.query_string.split(":"))
        return web.Response(body=orjson.dumps(dict(row or {})), content_type="application/json")

    async def tags(request: web.Request) -> web.Response:
        found = [dict(row) for row in await db.fetch(catalog.TAGS_OF, "prod", request.query_string)]
        return web.Response(body=orjson.dumps({"tags": found}), content_type="application/json")

    async def digest(request: web.Request) -> web.Response:
        found = [dict(row) for row in await db.fetch(catalog.DIGEST, bytes.fromhex(request.query_string))]
        return web.Response(body=orjson.dumps({"matches": found}), content_type="application/json")

    async def constant(_: web.Request) -> web.Response:
        return web.Response(body=CONSTANT, content_type="application/json")

    application = web.Application()
    for handler in (tag, tags, digest, constant):
        application.router.add_get(f"/{handler.__name__}", handler)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
