"""Talking to a port byte by byte, so that what no HTTP client would send can be sent."""

import asyncio
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Answer:
    """A parsed answer; `closed` says whether the server then closed the connection."""

    status: int
    headers: dict[str, str]
    body: bytes
    closed: bool


def request(method: str, path: str, body: bytes = b"", *headers: tuple[str, str], version: str = "HTTP/1.1") -> bytes:
    """A request with a Host and, unless given, the Content-Length that fits."""
    lines = [f"{method} {path} {version}", "Host: localhost"]
    if not any(name.lower() in ("content-length", "transfer-encoding") for name, _ in headers):
        lines.append(f"Content-Length: {len(body)}")
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


async def send(port: int, data: bytes, *, patience_seconds: float = 5, end: bool = False) -> Answer | None:
    """Send bytes as they are and read one answer; None when the connection is closed without any.

    `end` closes our side after sending. TimeoutError when nothing comes in time.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(data)
        if end:
            writer.write_eof()
        async with asyncio.timeout(patience_seconds):
            return await read_answer(reader)
    except (ConnectionResetError, BrokenPipeError):
        return None
    finally:
        writer.close()


async def read_answer(reader: asyncio.StreamReader) -> Answer | None:
    head = b""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    status_line, *lines = head.decode("latin-1").split("\r\n")[:-2]
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    closed = False
    if headers.get("connection") == "close" or not status_line.startswith("HTTP/1.1"):
        closed = await reader.read() == b""
    return Answer(int(status_line.split()[1]), headers, body, closed)
