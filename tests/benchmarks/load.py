"""An HTTP client for load: some connections, each sending one request after another, in a process of its own.

`python -m tests.benchmarks.load` reads a plan as JSON from its input and writes what it measured as JSON.
"""

import asyncio
import base64
import statistics
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import cast

import orjson
import uvloop


@dataclass(frozen=True, slots=True)
class Load:
    """Answers a second, their latency in milliseconds, and how many had which status."""

    rate: float
    p50_ms: float
    p99_ms: float
    statuses: dict[str, int] = field(default_factory=dict)


class _Client(asyncio.Protocol):
    """Sends the requests in turn from a place of its own; an answer is complete with its Content-Length."""

    def __init__(self, requests: list[bytes], turn: int, times: list[float], statuses: Counter[str]) -> None:
        self._requests = requests
        self._turn = turn
        self._times = times
        self._statuses = statuses
        self._buffer = b""
        self._sent_at = 0.0
        self.stopping = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is not one by inheritance
        self._send()

    def _send(self) -> None:
        self._turn += 1
        self._sent_at = time.perf_counter()
        self._transport.write(self._requests[self._turn % len(self._requests)])

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, end, rest = self._buffer.partition(b"\r\n\r\n")
        if not end:
            return
        lower = head.lower()
        at = lower.find(b"content-length:")
        length = int(lower[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(rest) < length:
            return
        self._times.append(time.perf_counter() - self._sent_at)
        self._statuses[head[9:12].decode()] += 1
        self._buffer = b""
        if self.stopping:
            self._transport.close()
        else:
            self._send()


async def _drive(plan: dict[str, object]) -> Load:
    requests = [base64.b64decode(item) for item in plan["requests"]]  # type: ignore[attr-defined]
    loop = asyncio.get_running_loop()
    times: list[float] = []
    statuses: Counter[str] = Counter()
    connections = int(plan["connections"])  # type: ignore[call-overload]
    seconds = float(plan["seconds"])  # type: ignore[arg-type]
    clients = []
    for number in range(connections):
        turn = number * len(requests) // connections
        _, client = await loop.create_connection(
            lambda turn=turn: _Client(requests, turn, times, statuses),  # type: ignore[misc]
            str(plan["host"]),
            int(plan["port"]),  # type: ignore[call-overload]
        )
        clients.append(client)
    await asyncio.sleep(min(0.5, seconds / 4))
    times.clear()
    statuses.clear()
    began = time.perf_counter()
    await asyncio.sleep(seconds)
    took = time.perf_counter() - began
    measured, answered = sorted(times), dict(statuses)
    for client in clients:
        client.stopping = True
    await asyncio.sleep(0.2)
    return Load(
        rate=len(measured) / took,
        p50_ms=statistics.median(measured) * 1000,
        p99_ms=measured[int(len(measured) * 0.99)] * 1000,
        statuses=answered,
    )


async def drive(host: str, port: int, requests: Sequence[bytes], *, connections: int, seconds: float) -> Load:
    """Put load on `host:port` from another process, with whole requests as they go over the wire.

    Each connection begins elsewhere among them, so that no two ask for the same at about the same time.
    """
    plan = {
        "host": host,
        "port": port,
        "requests": [base64.b64encode(request).decode() for request in requests],
        "connections": connections,
        "seconds": seconds,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.benchmarks.load", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate(orjson.dumps(plan))
    return Load(**orjson.loads(output))


def request(method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
    """A request as bytes; `content_type=…` becomes `content-type: …`."""
    lines = [f"{method} {path} HTTP/1.1", "host: localhost", f"content-length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


if __name__ == "__main__":
    sys.stdout.buffer.write(orjson.dumps(asdict(uvloop.run(_drive(orjson.loads(sys.stdin.buffer.read()))))))
