"""Answers a second: a tag and a digest over REST and gRPC, a list of tags, and an ETag that still holds."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import grpc
import grpc.aio
import orjson
from aiohttp import web

from regdex.database import Pool
from regdex.settings import Grpc, Rest, Settings
from regdex.v1 import catalog_pb2
from service.process import serving
from tests.benchmarks.harness import Context, Row, alternate
from tests.benchmarks.load import drive, request
from tests.service.seed import Seed, digest_of

SECONDS = 2.0
CONNECTIONS = 16
TAGS = 95
CALLS = 1500
TAG = "/api/v1/repositories/prod/team/app/-/tags/1.0"
# As much of the join as a bare handler would do for the same answer.
LOOKUP = """
    SELECT tag.tag, digest_text(digest.algorithm, digest.hash) AS digest, manifest.media_type, manifest.platforms,
           manifest.total_size_bytes, tag.pushed_at
      FROM registry
      JOIN repository ON repository.registry_id = registry.id AND repository.name = $2
      JOIN tag ON tag.repository_id = repository.id
      JOIN digest ON digest.id = tag.digest_id
      LEFT JOIN manifest ON manifest.digest_id = tag.digest_id
     WHERE registry.name = $1 AND ($3 = '' OR tag.tag = $3)
     ORDER BY tag.tag
"""


async def rows(context: Context) -> list[Row]:
    found: list[Row] = []
    async with AsyncExitStack() as stack:
        db = await stack.enter_async_context(context.database())
        seed = Seed(db)
        await seed.registry("prod")
        await seed.repository("prod", "team/app")
        for number in range(TAGS):
            await _tag(db, f"1.{number}", f"image-{number}")
        settings = Settings(rest=Rest(listen="127.0.0.1:0"), grpc=Grpc(listen="127.0.0.1:0"))
        addresses = await stack.enter_async_context(serving(settings, db, None))
        bare = await stack.enter_async_context(_bare(db))
        port = int(addresses.rest.rpartition(":")[2])

        async def load(to: int, path: str, **headers: str) -> float:
            measured = await drive(
                "127.0.0.1", to, [request("GET", path, **headers)], connections=CONNECTIONS, seconds=SECONDS
            )
            assert set(measured.statuses) <= {"200", "304"}, measured.statuses
            return measured.rate

        tag_of = await _etag(port)
        for label, path, other, headers, goal in (
            ("REST, a tag", TAG, "/tag", {}, 0.75),
            ("REST, a digest", f"/api/v1/digests/{digest_of('image-1')}", "/tag", {}, 0.75),
            ("REST, 95 tags", "/api/v1/repositories/prod/team/app/-/tags?page_size=95", "/tags", {}, 0.80),
            ("REST, a list whose ETag holds", "/api/v1/registries", "/constant", {"if_none_match": tag_of}, 0.50),
        ):
            mine, theirs, ratio = await alternate(
                lambda path=path, headers=headers: load(port, path, **headers),  # type: ignore[misc]
                lambda other=other: load(bare, other),  # type: ignore[misc]
            )
            found.append(Row(label, f"{mine:,.0f}/s", f"{theirs:,.0f}/s", ratio, f">= {goal}", ratio >= goal))

        plain = await stack.enter_async_context(_bare_rpc(db))
        mine, theirs, ratio = await alternate(lambda: _calls(addresses.grpc), lambda: _calls(plain))
        found.append(Row("gRPC, a tag", f"{mine:,.0f}/s", f"{theirs:,.0f}/s", ratio, ">= 0.85", ratio >= 0.85))
    return found


async def _tag(db: Pool, tag: str, name: str) -> None:
    content = bytes.fromhex(digest_of(name).removeprefix("sha256:"))
    await db.execute(
        """
        WITH made AS (INSERT INTO digest (algorithm, hash) VALUES (1, $1) RETURNING id),
             held AS (SELECT repository.id FROM repository),
             content AS (
                INSERT INTO manifest (digest_id, state, media_type, platforms)
                SELECT id, 'complete', 'application/vnd.oci.image.manifest.v1+json', '{linux/amd64}' FROM made
             ),
             presence AS (
                INSERT INTO repository_manifest (repository_id, digest_id, first_seen_at, last_seen_at, present)
                SELECT held.id, made.id, now(), now(), true FROM held, made
             )
        INSERT INTO tag (repository_id, tag, digest_id, pushed_at, source, exact)
        SELECT held.id, $2, made.id, now(), 1, true FROM held, made
        """,
        content,
        tag,
    )


async def _etag(port: int) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request("GET", "/api/v1/registries", connection="close"))
    head = (await reader.read()).decode()
    writer.close()
    return next(line.partition(": ")[2] for line in head.splitlines() if line.lower().startswith("etag:"))


@asynccontextmanager
async def _bare(db: Pool) -> AsyncIterator[int]:
    async def tag(_: web.Request) -> web.Response:
        row = await db.fetchrow(LOOKUP, "prod", "team/app", "1.0")
        return web.Response(body=orjson.dumps(dict(row or {})), content_type="application/json")

    async def tags(_: web.Request) -> web.Response:
        found = [dict(row) for row in await db.fetch(LOOKUP, "prod", "team/app", "")]
        return web.Response(body=orjson.dumps({"tags": found}), content_type="application/json")

    async def constant(_: web.Request) -> web.Response:
        return web.Response(body=b"{}", content_type="application/json")

    application = web.Application()
    application.add_routes([web.get("/tag", tag), web.get("/tags", tags), web.get("/constant", constant)])
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


@asynccontextmanager
async def _bare_rpc(db: Pool) -> AsyncIterator[str]:
    async def get_tag(asked: Any, _: Any) -> Any:
        row = await db.fetchrow(LOOKUP, asked.registry, asked.repository, asked.tag)
        return catalog_pb2.Tag(**dict(row or {}))

    server = grpc.aio.server()
    method = grpc.unary_unary_rpc_method_handler(
        get_tag, catalog_pb2.GetTagRequest.FromString, catalog_pb2.Tag.SerializeToString
    )
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("regdex.v1.CatalogService", {"GetTag": method}),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)


async def _calls(address: str) -> float:
    """Calls a second, 16 at once, from this process: the client's cost is in both numbers."""
    async with grpc.aio.insecure_channel(address) as channel:
        call: Any = channel.unary_unary(
            "/regdex.v1.CatalogService/GetTag",
            request_serializer=catalog_pb2.GetTagRequest.SerializeToString,
            response_deserializer=catalog_pb2.Tag.FromString,
        )
        asked = catalog_pb2.GetTagRequest(registry="prod", repository="team/app", tag="1.0")

        async def one(count: int) -> None:
            for _ in range(count):
                await call(asked)

        await one(10)
        began = time.perf_counter()
        await asyncio.gather(*(one(CALLS // CONNECTIONS) for _ in range(CONNECTIONS)))
        return CALLS / (time.perf_counter() - began)
