"""The handler of all HTTP requests. It uses no middlewares, because each of them costs time on the hot path."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from http import HTTPStatus
from typing import Any

from aiohttp import hdrs, web
from multidict import CIMultiDict

from regdex.errors import RegdexError
from regdex.network.guard import GuardedHandler, is_http1, is_inflated
from regdex.telemetry import new_request_id, request_id
from service.calls import Calls, explain
from service.operations import Operation
from service.rest.answers import JSON, Cache, answer_of, names, respond, security_headers
from service.rest.doors import Doors
from service.rest.hosts import credentials_of, names_this_machine
from service.rest.parameters import Parameters
from service.rest.problems import CONTENT_TYPE, Problem, as_problem, body_of
from service.rest.routes import BASE, Routes

MAX_BODY_BYTES = 1024 * 1024
BODY_SECONDS = 15.0
METHODS = ("GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS")

Page = Callable[[web.BaseRequest], Awaitable[web.Response]]

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}", re.ASCII)


class Api:
    """Serves the operations below /api/v1, `pages` at their own paths, and `doors` for clients of registries."""

    def __init__(
        self,
        operations: Iterable[Operation],
        calls: Calls,
        pages: Mapping[str, Page],
        *,
        doors: Doors | None = None,
        cors_origins: Iterable[str] = (),
        secure: bool = False,
        cache: Cache | None = None,
    ) -> None:
        operations = tuple(operations)
        self._routes = Routes(operations)
        self._parameters = {operation.rpc: Parameters(operation.request) for operation in operations}
        self._calls = calls
        self._pages = pages
        self._doors = doors
        self._cache = cache or Cache()
        self._origins = frozenset(cors_origins)
        self._security = CIMultiDict(security_headers(secure=secure))
        if self._origins:
            self._security["Vary"] = "Origin"

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request. aiohttp calls this."""
        began = time.perf_counter()
        given = request.headers.get("X-Request-Id")
        if given is not None and _REQUEST_ID.fullmatch(given):
            request_id.set(given)
        else:
            given = new_request_id()
        route = "-"
        doors = self._doors if self._doors is not None and self._doors.covers(request) else None
        try:
            if doors is not None:
                door, found = doors.find(request)
                route = door.rpc
                response = await doors.enter(door, found, request)
            else:
                operation, fields = self._find(request)
                if isinstance(operation, Operation):
                    route = operation.rpc
                    response = await self._call(operation, fields, request)
                else:
                    response = await operation(request)
        except Exception as error:
            known = error if isinstance(error, Problem) else explain(error, route)
            response = doors.refuse(known, request) if doors is not None else self._refuse(known, given)
        finally:
            handler = request.protocol
            if isinstance(handler, GuardedHandler):
                handler.request_ended()
        response.headers["X-Request-Id"] = given
        if self._origins:
            self._allow_origin(request, response)
        self._calls.observe(route, str(response.status), began)
        return response

    def _find(self, request: web.BaseRequest) -> tuple[Operation | Page, dict[str, str]]:
        if not is_http1(request):
            raise Problem(HTTPStatus.BAD_REQUEST, "INVALID_ARGUMENT", "only HTTP/1.1 requests for a path are supported")
        method = request.method
        if method not in METHODS:
            raise Problem(
                HTTPStatus.METHOD_NOT_ALLOWED, "UNIMPLEMENTED", "no path supports this method", Allow=", ".join(METHODS)
            )
        path = request._message.path.partition("?")[0]
        if method == "OPTIONS":
            return self._preflight, {}
        page = self._pages.get(path)
        if page is not None:
            if method not in ("GET", "HEAD"):
                raise Problem(
                    HTTPStatus.METHOD_NOT_ALLOWED, "UNIMPLEMENTED", "this path is read-only", Allow="GET, HEAD"
                )
            return page, {}
        if not path.startswith(BASE + "/"):
            raise Problem(HTTPStatus.NOT_FOUND, "NOT_FOUND", "no such path; the API is below /api/v1")
        return self._routes.find(method, path[len(BASE) :])

    async def _call(self, operation: Operation, found: dict[str, str], request: web.BaseRequest) -> web.Response:
        headers = request.headers
        caller = await self._calls.admit(
            operation, credentials_of(request), local=names_this_machine(headers.get(hdrs.HOST, ""))
        )
        target, condition = request._message.path, headers.get(hdrs.IF_NONE_MATCH)
        key = (target, caller.visibility)
        if operation.cached:
            answer = self._cache.get(key)
            if answer is not None:
                return respond(answer, condition)
        parameters = self._parameters[operation.rpc]
        fields: dict[str, Any] = parameters.read_path(found)
        query = target.partition("?")[2]
        if query:
            parameters.read_query(query, fields)
        if operation.takes_body:
            parameters.read_body(await _read_body(request), fields)
        asked_at = time.monotonic()
        is_known = None if condition is None else partial(names, condition)
        reply = await self._calls.run(operation, caller, fields, is_known=is_known)
        if operation.refreshes:
            self._cache.clear()
        answer = answer_of(reply, self._security, tagged=operation.verb == "GET")
        if operation.cached and not reply.is_known:
            self._cache.put(key, asked_at, answer)
        return respond(answer, condition)

    def _refuse(self, error: Problem | RegdexError, given: str) -> web.Response:
        problem = error if isinstance(error, Problem) else as_problem(error)
        headers = self._security.copy()
        headers.update(problem.headers)
        headers[hdrs.CONTENT_TYPE] = CONTENT_TYPE
        headers[hdrs.CACHE_CONTROL] = "no-store"
        response = web.Response(status=problem.status, body=body_of(problem, given), headers=headers)
        if problem.status in (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.REQUEST_ENTITY_TOO_LARGE):
            response.force_close()
        return response

    async def _preflight(self, request: web.BaseRequest) -> web.Response:
        headers = self._security.copy()
        headers[hdrs.ALLOW] = ", ".join(METHODS)
        if request.headers.get(hdrs.ORIGIN, "") in self._origins:
            headers["Access-Control-Allow-Methods"] = ", ".join(METHODS)
            headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type, If-None-Match, X-Request-Id"
            headers["Access-Control-Max-Age"] = "600"
        return web.Response(status=HTTPStatus.NO_CONTENT, headers=headers)

    def _allow_origin(self, request: web.BaseRequest, response: web.Response) -> None:
        origin = request.headers.get(hdrs.ORIGIN)
        if origin in self._origins:
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Expose-Headers"] = (
                "ETag, Retry-After, X-Request-Id, Regdex-Complete, Regdex-Indexed-Through"
            )


async def _read_body(request: web.BaseRequest) -> bytes:
    """Read a JSON body. Its content type is required, because HTML forms of other sites cannot send it."""
    if request.content_type != JSON or (request.charset or "utf-8").lower() != "utf-8":
        raise Problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "INVALID_ARGUMENT", "the body must be application/json in UTF-8"
        )
    if request.headers.get(hdrs.CONTENT_ENCODING, "identity").lower() != "identity":
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "INVALID_ARGUMENT", "the body must not be compressed")
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while chunk := await request.content.readany():
                body += chunk
                if len(body) > MAX_BODY_BYTES:
                    raise Problem(
                        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                        "RESOURCE_EXHAUSTED",
                        f"the body must have at most {MAX_BODY_BYTES} bytes",
                    )
    except TimeoutError:
        raise Problem(HTTPStatus.REQUEST_TIMEOUT, "DEADLINE_EXCEEDED", "the body did not arrive in time") from None
    except web.RequestPayloadError:
        raise Problem(HTTPStatus.BAD_REQUEST, "INVALID_ARGUMENT", "the body cannot be read") from None
    if is_inflated(request, len(body)):
        raise Problem(HTTPStatus.BAD_REQUEST, "INVALID_ARGUMENT", "the chunks of the body have too much overhead")
    return bytes(body)
