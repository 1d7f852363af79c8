"""Guards that aiohttp's HTTP server lacks: against slow request heads, too many connections, and non-HTTP/1 requests.

aiohttp 3.14 closes a connection with an incomplete head only after `keepalive_timeout`, accepts a request line without
version as HTTP/0.9, accepts absolute-form targets and chunk extensions of any size, and quotes unparsable input in its
response and its log. `GuardedServer` is a `web.Server` without these flaws. It uses the private `_request_count`,
`_waiter` and `_connections`: tests/regdex/test_guard.py fails if a release of aiohttp changes them.
"""

import asyncio
from http import HTTPStatus
from typing import Any, cast

import structlog
from aiohttp import hdrs, web
from aiohttp.http import HttpVersion10
from aiohttp.web_protocol import RequestHandler

log = structlog.get_logger()

HEADER_SECONDS = 10.0
KEEPALIVE_SECONDS = 75.0
LINGERING_SECONDS = 2.0
MAX_CONNECTIONS = 2_000
MAX_HEADERS = 64
# A chunked body may take this multiple of its size on the wire, plus a slack for the bytes that one read returns.
CHUNKED_OVERHEAD = 16
CHUNKED_SLACK_BYTES = 512 * 1024

FULL = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class GuardedHandler(RequestHandler):
    """One connection. `received_bytes` counts the bytes received since the last call of `request_ended`."""

    __slots__ = ("_guard", "_head_timer", "received_bytes")

    def __init__(self, guard: "GuardedServer", *, loop: asyncio.AbstractEventLoop, **options: Any) -> None:
        super().__init__(guard, loop=loop, **options)
        self._guard = guard
        self._head_timer: asyncio.TimerHandle | None = None
        self.received_bytes = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if len(self._guard.connections) <= self._guard.max_connections:
            self._await_head()
            return
        cast(asyncio.Transport, transport).write(FULL)
        self.force_close()

    def connection_lost(self, exc: BaseException | None) -> None:
        self._head_arrived()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        heads = self._request_count
        self.received_bytes += len(data)
        super().data_received(data)
        if self._request_count != heads:
            self._head_arrived()
        elif self._head_timer is None and self._waiter is not None and not self._waiter.done():
            self._await_head()
        if self.received_bytes > self._guard.max_request_bytes:
            self.force_close()

    def request_ended(self) -> None:
        self.received_bytes = 0

    def _await_head(self) -> None:
        self._head_timer = self._loop.call_later(self._guard.header_seconds, self.force_close)

    def _head_arrived(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """Handle an error as aiohttp does, but never send back or log the input, which may contain a secret."""
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR and exc is not None:
            log.error("request failed", error=type(exc).__name__, exc_info=exc)
        if request.writer.output_size > 0:
            raise ConnectionError("the response has already begun")
        return refusal(status)


class GuardedServer(web.Server):
    """A `web.Server` of guarded connections. `options` are passed to aiohttp's RequestHandler.

    `max_request_bytes` limits the bytes of one request on the wire, including its head and pipelined requests after it.
    A connection that exceeds it is closed without a response.
    """

    def __init__(
        self,
        handler: Any,
        *,
        max_request_bytes: int,
        max_connections: int = MAX_CONNECTIONS,
        header_seconds: float = HEADER_SECONDS,
        keepalive_seconds: float = KEEPALIVE_SECONDS,
        **options: Any,
    ) -> None:
        super().__init__(
            handler,
            keepalive_timeout=keepalive_seconds,
            lingering_time=LINGERING_SECONDS,
            max_headers=MAX_HEADERS,
            access_log=None,
            **options,
        )
        self.max_request_bytes = max_request_bytes
        self.max_connections = max_connections
        self.header_seconds = header_seconds

    @property
    def connections(self) -> Any:
        return self._connections

    def __call__(self) -> GuardedHandler:
        return GuardedHandler(self, loop=self._loop, **self._kwargs)


def is_http1(request: web.BaseRequest) -> bool:
    """Return whether the request is HTTP/1.0 or newer and its target is a path, not an absolute URI or an authority."""
    return request.version >= HttpVersion10 and request._message.path.startswith("/")


def is_inflated(request: web.BaseRequest, body_bytes: int) -> bool:
    """Return whether a chunked body took far more bytes on the wire than its size, as with huge chunk extensions."""
    handler = request.protocol
    return (
        hdrs.TRANSFER_ENCODING in request.headers
        and isinstance(handler, GuardedHandler)
        and handler.received_bytes > CHUNKED_OVERHEAD * body_bytes + CHUNKED_SLACK_BYTES
    )


def refusal(status: int, reason: str = "", headers: dict[str, str] | None = None) -> web.Response:
    """Return a short response in plain text that closes the connection."""
    response = web.Response(status=status, text=(reason or HTTPStatus(status).phrase) + "\n", headers=headers)
    response.force_close()
    return response
