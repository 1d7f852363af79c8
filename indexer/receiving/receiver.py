"""The webhook port: `POST /webhooks/{registry}` stores a delivery in the inbox unread; `GET /healthz` is for probes.

A sender that gets an error may block its queue or drop the event, so the receiver never checks the content: it answers
202 once the bytes are committed. Errors are, in this order: 400 for a request that is not HTTP/1; 404 and 405 without
an endpoint, also for an unknown registry, whose name is no secret; 401 for a wrong secret in headers or path; 415, 413,
408, and 400 for a body that cannot be read; 401 for a wrong signature; 503 with Retry-After while the delivery cannot
be stored. A signature is of the body as it was sent, before decompression. Queries of URLs and secrets in paths are
never logged.
"""

import asyncio
import zlib
from collections.abc import Collection, Mapping
from http import HTTPStatus

import orjson
import structlog
from aiohttp import hdrs, web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web_protocol import RequestPayloadError

from indexer.kinds.verification import Presented
from indexer.receiving.endpoints import Endpoint
from indexer.receiving.intake import Intake
from regdex.errors import Exhausted, Misconfigured, Unavailable
from regdex.network.guard import GuardedHandler, GuardedServer, is_http1, is_inflated, refusal

log = structlog.get_logger()

PREFIX = "/webhooks/"
BODY_SECONDS = 15.0
STOP_SECONDS = 5.0
# The sum of all bodies that are being read.
MAX_READING_BYTES = 128 * 1024 * 1024
WINDOW_BITS = {"gzip": 31, "x-gzip": 31, "deflate": 15}


class _Refused(Exception):
    def __init__(self, status: HTTPStatus, reason: str, **headers: str) -> None:
        super().__init__(reason)
        self.status = status
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class Receiver:
    """Answers requests to the endpoints, which are by name; the caller runs the intake."""

    def __init__(self, intake: Intake, endpoints: Mapping[str, Endpoint], *, max_body_bytes: int) -> None:
        self._intake = intake
        self._endpoints = endpoints
        self._max_body_bytes = max_body_bytes
        self._reading_bytes = 0

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer any request to the port."""
        endpoint: Endpoint | None = None
        try:
            if not is_http1(request):
                raise _Refused(HTTPStatus.BAD_REQUEST, "send HTTP/1.1 with a path")
            if request.path == "/healthz":
                return _health(request)
            endpoint, path_secret = self._endpoint(request)
            await self._receive(request, endpoint, path_secret)
        except _Refused as refused:
            if endpoint is not None:
                endpoint.count(refused.status.name.lower())
            return refusal(refused.status, str(refused), refused.headers)
        except (Exhausted, Unavailable) as error:
            if endpoint is not None:
                endpoint.count("unavailable")
            return web.Response(
                status=HTTPStatus.SERVICE_UNAVAILABLE, text=f"{error}\n", headers={hdrs.RETRY_AFTER: "1"}
            )
        finally:
            handler = request.protocol
            if isinstance(handler, GuardedHandler):
                handler.request_ended()
        return web.Response(status=HTTPStatus.ACCEPTED)

    def _endpoint(self, request: web.BaseRequest) -> tuple[Endpoint, str]:
        """Return the endpoint in the path, and the secret after its name where its kind takes one."""
        path = request.path
        if not path.startswith(PREFIX):
            raise _Refused(HTTPStatus.NOT_FOUND, "send webhooks to /webhooks/{registry}")
        if request.method != hdrs.METH_POST:
            raise _Refused(HTTPStatus.METHOD_NOT_ALLOWED, "a webhook is a POST", Allow="POST")
        name, slash, path_secret = path[len(PREFIX) :].partition("/")
        endpoint = self._endpoints.get(name)
        if endpoint is None or (slash and not endpoint.kind.takes_path_secret):
            raise _Refused(HTTPStatus.NOT_FOUND, "no registry of this name is configured")
        return endpoint, path_secret

    async def _receive(self, request: web.BaseRequest, endpoint: Endpoint, path_secret: str) -> None:
        headers = request.headers
        if not endpoint.kind.signs_body:
            self._authenticate(endpoint, Presented(headers, path_secret=path_secret))
        encoding = headers.get(hdrs.CONTENT_ENCODING, "identity").strip().lower()
        if encoding != "identity" and encoding not in WINDOW_BITS:
            raise _Refused(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "the body must be plain, gzip or deflate", Accept_Encoding="gzip"
            )
        body = await self._read(request)
        if endpoint.kind.signs_body:
            self._authenticate(endpoint, Presented(headers, body, path_secret))
        if encoding != "identity":
            body = inflate(body, encoding, self._max_body_bytes)
        if endpoint.paused:
            endpoint.count("paused")
            return
        await self._intake.store(endpoint.registry_id, kept_headers(headers, endpoint.kind.kept_headers), body)
        endpoint.count("accepted")

    def _authenticate(self, endpoint: Endpoint, presented: Presented) -> None:
        if not endpoint.is_authenticated(presented):
            if not endpoint.paused:
                self._intake.note_refused(endpoint.registry_id)
            raise _Refused(HTTPStatus.UNAUTHORIZED, "the secret is missing or wrong", WWW_Authenticate="Bearer")

    async def _read(self, request: web.BaseRequest) -> bytes:
        content = request.content
        if int(request.headers.get(hdrs.CONTENT_LENGTH, 0)) > self._max_body_bytes:
            raise self._too_large()
        if content.is_eof() and content.exception() is None:  # it arrived together with the headers
            body = content.read_nowait()
        else:
            if self._reading_bytes > MAX_READING_BYTES:
                raise Exhausted("too many large deliveries at once")
            body = await self._read_slowly(request)
        if len(body) > self._max_body_bytes:
            raise self._too_large()
        if is_inflated(request, len(body)):
            raise _Refused(HTTPStatus.BAD_REQUEST, "the encoding of the body has too much overhead")
        return body

    async def _read_slowly(self, request: web.BaseRequest) -> bytes:
        if request.headers.get(hdrs.EXPECT, "").lower() == "100-continue" and request.transport is not None:
            request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = bytearray()
        try:
            async with asyncio.timeout(BODY_SECONDS):
                while chunk := await request.content.readany():
                    body += chunk
                    self._reading_bytes += len(chunk)
                    if len(body) > self._max_body_bytes:
                        raise self._too_large()
        except TimeoutError:
            raise _Refused(HTTPStatus.REQUEST_TIMEOUT, "the body did not arrive in time") from None
        except (RequestPayloadError, HttpProcessingError):
            raise _Refused(HTTPStatus.BAD_REQUEST, "the body cannot be read") from None
        finally:
            self._reading_bytes -= len(body)
        return bytes(body)

    def _too_large(self) -> _Refused:
        return _Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a body has at most {self._max_body_bytes} bytes")


def _health(request: web.BaseRequest) -> web.Response:
    """Answer 200 while the process runs, also when the database does not answer."""
    if request.method not in (hdrs.METH_GET, hdrs.METH_HEAD):
        raise _Refused(HTTPStatus.METHOD_NOT_ALLOWED, "only GET and HEAD", Allow="GET, HEAD")
    return web.Response(text="ok\n")


def inflate(body: bytes, encoding: str, max_bytes: int) -> bytes:
    """Undo one layer of gzip or deflate; _Refused when it is broken or cut, has data after its end, or is too large."""
    decompressor = zlib.decompressobj(WINDOW_BITS[encoding])
    try:
        inflated = decompressor.decompress(body, max_bytes + 1)
    except zlib.error:
        raise _Refused(HTTPStatus.BAD_REQUEST, f"the body is not {encoding}") from None
    if len(inflated) > max_bytes:
        raise _Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a body has at most {max_bytes} bytes")
    if not decompressor.eof or decompressor.unused_data:
        raise _Refused(HTTPStatus.BAD_REQUEST, f"the body is not a single, whole {encoding} stream")
    return inflated


def kept_headers(headers: Mapping[str, str], kept: Collection[str]) -> str:
    """Return the headers named in `kept`, in lower case, as a JSON object."""
    values = {name: headers[name] for name in kept if name in headers}
    return orjson.dumps(
        {
            name: value if value.isascii() else value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
            for name, value in values.items()
        }
    ).decode()


class ReceiverServer:
    """The receiver on its own port. With `port` 0 it listens on a free port, which `port` is after `start`."""

    def __init__(self, receiver: Receiver, *, host: str, port: int, max_body_bytes: int) -> None:
        self._receiver = receiver
        self._host = host
        self._max_body_bytes = max_body_bytes
        self.port = port
        self._server: GuardedServer | None = None
        self._sockets: asyncio.Server | None = None

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = GuardedServer(
            self._receiver.answer, max_request_bytes=2 * self._max_body_bytes + 1024 * 1024, auto_decompress=False
        )
        try:
            self._sockets = await loop.create_server(self._server, self._host, self.port, backlog=1024)
        except OSError as error:
            raise Misconfigured(
                f"webhooks.listen: cannot listen on {self._host}:{self.port}: {error.strerror}"
            ) from error
        self.port = self._sockets.sockets[0].getsockname()[1]
        log.info("webhooks are received", host=self._host, port=self.port)

    async def stop(self) -> None:
        """Accept no more connections, answer open requests, and close the other connections."""
        if self._sockets is None or self._server is None:
            return
        self._sockets.close()
        self._server.pre_shutdown()
        await self._server.shutdown(STOP_SECONDS)
