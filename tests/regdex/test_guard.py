"""The guards of the HTTP server over raw sockets, by a server that answers everything with what it read."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiohttp import web

from regdex.network.guard import GuardedHandler, GuardedServer, is_http1, is_inflated, refusal
from tests.harness import wire

HEADER_SECONDS = 0.3
CHUNKED = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"


async def echo(request: web.BaseRequest) -> web.StreamResponse:
    if not is_http1(request):
        return refusal(400)
    if request.path == "/fail":
        raise RuntimeError("Bearer s3cret")
    body = await request.read()
    if is_inflated(request, len(body)):
        return refusal(400)
    if isinstance(request.protocol, GuardedHandler):
        request.protocol.request_ended()
    return web.Response(body=body)


@pytest_asyncio.fixture
async def guarded() -> AsyncIterator[int]:
    """Port of a server with tight limits."""
    server = GuardedServer(
        echo,
        max_request_bytes=4 * 1024 * 1024,
        max_connections=20,
        header_seconds=HEADER_SECONDS,
        keepalive_seconds=1,
    )
    sockets = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
    yield sockets.sockets[0].getsockname()[1]
    sockets.close()
    server.pre_shutdown()
    await server.shutdown(1)


@pytest.mark.parametrize(
    "data",
    [
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello",
        b"GET / HTTP/1.1\r\nHost: a\r\nX-Folded: a\r\n b\r\n\r\n",
        b"GET / HTTP/1.1\nHost: a\n\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX-Nul: a\x00b\r\n\r\n",
        b"GET /\r\n\r\n",
        b"GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n" + b"".join(b"X-%d: a\r\n" % n for n in range(100)) + b"\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX-Long: " + b"a" * 10_000 + b"\r\n\r\n",
        b"GET /" + b"a" * 10_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        CHUNKED + b"5;" + b"x" * 1_000_000 + b"\r\nhello\r\n0\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
    ids=[
        "length and chunked", "two lengths", "signed length", "folded header", "bare line feeds", "nul in header",
        "http/0.9", "absolute target", "connect", "http/2", "many headers", "long header", "long target",
        "huge chunk extension", "tls",
    ],
)  # fmt: skip
async def test_what_is_not_plain_http1_is_refused_and_the_connection_closed(guarded: int, data: bytes) -> None:
    answer = await wire.send(guarded, data)

    assert answer is not None
    assert (answer.status, answer.closed) == (400, True)


async def test_nothing_that_was_sent_is_repeated_in_a_refusal(guarded: int) -> None:
    answer = await wire.send(guarded, b"GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer s3cret\x00\r\n\r\n")

    assert answer is not None
    assert answer.status == 400
    assert b"s3cret" not in answer.body


async def test_failure_says_nothing_about_itself(guarded: int) -> None:
    answer = await wire.send(guarded, wire.request("GET", "/fail"))

    assert answer is not None
    assert (answer.status, answer.body) == (500, b"Internal Server Error\n")


async def test_small_chunks_are_fine(guarded: int) -> None:
    body = b"0123456789" * 20_000
    chunks = b"".join(b"1\r\n" + body[at : at + 1] + b"\r\n" for at in range(len(body))) + b"0\r\n\r\n"

    answer = await wire.send(guarded, wire.request("POST", "/", chunks, ("Transfer-Encoding", "chunked")))

    assert answer is not None
    assert (answer.status, answer.body) == (200, body)


@pytest.mark.parametrize("beginning", [b"", b"GET / HTTP/1.1\r\nHost: a\r\nX-Slow: "])
async def test_slow_head_is_cut_off(guarded: int, beginning: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", guarded)
    writer.write(beginning)
    async with asyncio.timeout(HEADER_SECONDS + 0.5):
        assert await reader.read() == b""
    writer.close()


async def test_slow_head_of_a_later_request_is_cut_off(guarded: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", guarded)
    writer.write(wire.request("GET", "/"))
    assert (await wire.read_answer(reader)) is not None
    await asyncio.sleep(0.05)
    writer.write(b"GET / HTTP/1.1\r\n")
    async with asyncio.timeout(HEADER_SECONDS + 0.5):
        assert await reader.read() == b""
    writer.close()


async def test_idle_connection_outlives_the_time_for_a_head(guarded: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", guarded)
    for _ in range(2):
        writer.write(wire.request("POST", "/", b"x"))
        answer = await wire.read_answer(reader)
        assert answer is not None
        assert answer.status == 200
        await asyncio.sleep(HEADER_SECONDS + 0.2)
    async with asyncio.timeout(2):
        assert await reader.read() == b""
    writer.close()


async def test_slow_body_outlives_the_time_for_a_head(guarded: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", guarded)
    writer.write(wire.request("POST", "/", b"he", ("Content-Length", "5")))
    await asyncio.sleep(HEADER_SECONDS + 0.2)
    writer.write(b"llo")
    answer = await wire.read_answer(reader)
    writer.close()

    assert answer is not None
    assert answer.body == b"hello"


async def test_connections_over_the_cap_are_told_to_come_back(guarded: int) -> None:
    held = [await asyncio.open_connection("127.0.0.1", guarded) for _ in range(20)]

    answer = await wire.send(guarded, b"")

    assert answer is not None
    assert (answer.status, answer.headers["retry-after"], answer.closed) == (503, "1", True)
    reader, writer = held[0]
    writer.write(wire.request("GET", "/"))
    assert (await wire.read_answer(reader)) is not None
    for _, other in held:
        other.close()


async def test_endless_request_is_cut_off(guarded: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", guarded)
    writer.write(CHUNKED + b"5;")

    async def send_for_ever() -> None:
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()

    async with asyncio.timeout(5):
        with pytest.raises(OSError, match=r"reset|[Bb]roken|lost"):
            await send_for_ever()
    writer.close()
    assert reader.exception() is not None
