"""gRPC: a tag that no cache has, beside a bare grpc.aio handler of the same statement; calls from another process.

`python -m tests.benchmarks.rpc ADDRESS` is that process: it prints what it measured as JSON.
"""

import asyncio
import statistics
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict
from typing import Any

import grpc
import grpc.aio
import orjson

from regdex.database import Pool
from regdex.settings import Grpc, Rest, Settings
from regdex.v1 import catalog_pb2
from service.process import serving
from tests.benchmarks import catalog
from tests.benchmarks.harness import Context, Row, alternate_loads
from tests.benchmarks.load import Load

CALLS = 4000
AT_ONCE = 16
PORT_OPTIONS = (("grpc.so_reuseport", 0),)


async def rows(context: Context) -> list[Row]:
    async with AsyncExitStack() as stack:
        db = await stack.enter_async_context(context.database())
        await catalog.fill(db)
        settings = Settings(rest=Rest(listen="127.0.0.1:0"), grpc=Grpc(listen="127.0.0.1:0"))
        addresses = await stack.enter_async_context(serving(settings, db, None))
        bare = await stack.enter_async_context(_bare(db))
        loads = await alternate_loads(lambda: _drive(addresses.grpc), lambda: _drive(bare))
    return [loads.rate_row("gRPC, a tag, uncached", 0.85), loads.p99_row("gRPC, a tag, uncached", 1.5)]


@asynccontextmanager
async def _bare(db: Pool) -> AsyncIterator[str]:
    async def get_tag(asked: Any, _: Any) -> Any:
        row = await db.fetchrow(catalog.TAG, asked.registry, asked.repository, asked.tag)
        return catalog_pb2.Tag(**dict(row or {}))

    server = grpc.aio.server(options=PORT_OPTIONS)
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


async def _drive(address: str) -> Load:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.benchmarks.rpc", address, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    return Load(**orjson.loads(output))


async def _call(address: str) -> Load:
    async with grpc.aio.insecure_channel(address) as channel:
        call: Any = channel.unary_unary(
            "/regdex.v1.CatalogService/GetTag",
            request_serializer=catalog_pb2.GetTagRequest.SerializeToString,
            response_deserializer=catalog_pb2.Tag.FromString,
        )
        asked = iter(
            [
                catalog_pb2.GetTagRequest(registry="prod", repository=repository, tag=tag)
                for repository, tag in catalog.names(1, CALLS)
            ]
        )
        times: list[float] = []

        async def one() -> None:
            for message in asked:
                began = time.perf_counter()
                await call(message)
                times.append(time.perf_counter() - began)

        await call(catalog_pb2.GetTagRequest(registry="prod", repository="team/app-0", tag="1.0"))
        began = time.perf_counter()
        await asyncio.gather(*(one() for _ in range(AT_ONCE)))
        took = time.perf_counter() - began
    times.sort()
    return Load(len(times) / took, statistics.median(times) * 1000, times[int(len(times) * 0.99)] * 1000)


if __name__ == "__main__":
    sys.stdout.buffer.write(orjson.dumps(asdict(asyncio.run(_call(sys.argv[1])))))
