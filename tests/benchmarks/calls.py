"""gRPC calls one after another from a process of its own: the counterpart of `load` for the other transport.

`python -m tests.benchmarks.calls` reads a plan as JSON from its input and writes what it measured as JSON.
"""

import asyncio
import base64
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import grpc.aio
import orjson

from tests.benchmarks.load import Load


async def call(address: str, method: str, messages: Sequence[bytes], *, seconds: float) -> Load:
    """Call `method` with each of the messages in turn; answers are read, not parsed."""
    plan = {"address": address, "method": method, "seconds": seconds}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.benchmarks.calls", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    encoded = [base64.b64encode(message).decode() for message in messages]
    output, _ = await process.communicate(orjson.dumps({**plan, "messages": encoded}))
    return Load(**orjson.loads(output))


async def _call(plan: dict[str, Any]) -> Load:
    messages = [base64.b64decode(message) for message in plan["messages"]]
    times: list[float] = []
    async with grpc.aio.insecure_channel(plan["address"]) as channel:
        unary: Any = channel.unary_unary(plan["method"])
        for message in messages[:20]:
            await unary(message)
        began = time.perf_counter()
        while time.perf_counter() - began < plan["seconds"]:
            at = time.perf_counter()
            await unary(messages[len(times) % len(messages)])
            times.append(time.perf_counter() - at)
        took = time.perf_counter() - began
    times.sort()
    return Load(len(times) / took, statistics.median(times) * 1000, times[int(len(times) * 0.99)] * 1000)


if __name__ == "__main__":
    sys.stdout.buffer.write(orjson.dumps(asdict(asyncio.run(_call(orjson.loads(sys.stdin.buffer.read()))))))
