"""The doors over HTTP: paths, queries, headers and errors as docker, podman, skopeo and crane expect them.

Sources: Docker Registry HTTP API v1 for /v1/; OCI distribution specification for /v2/. Unknown parameters are ignored,
because every client adds its own. The Host header alone selects the registry.
"""

import re
from collections.abc import Awaitable, Callable, Iterable
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import orjson
from aiohttp import hdrs, web
from multidict import CIMultiDict

from regdex.errors import InvalidArgument, RegdexError, Unauthenticated
from regdex.network.guard import is_http1
from service.calls import Calls
from service.doors.messages import Location
from service.operations import Operation
from service.rest.answers import JSON, security_headers
from service.rest.hosts import credentials_of, names_other_port, names_this_machine
from service.rest.parameters import Parameters
from service.rest.problems import Problem, as_problem
from service.rest.routes import PARAMETER

CHALLENGE = 'Basic realm="Regdex"'
# Codes of the OCI distribution specification, "Error codes"; where it has none, those of CNCF Distribution.
CODES = {
    HTTPStatus.UNAUTHORIZED: "UNAUTHORIZED",
    HTTPStatus.FORBIDDEN: "DENIED",
    HTTPStatus.NOT_FOUND: "NAME_UNKNOWN",
    HTTPStatus.TOO_MANY_REQUESTS: "TOOMANYREQUESTS",
    HTTPStatus.SERVICE_UNAVAILABLE: "UNAVAILABLE",
    HTTPStatus.INTERNAL_SERVER_ERROR: "UNKNOWN",
}
CODES_OF_FIELDS = {
    "name": "NAME_INVALID",
    "reference": "MANIFEST_INVALID",
    "digest": "DIGEST_INVALID",
    "n": "PAGINATION_NUMBER_INVALID",
}
_METHODS = ("GET", "HEAD")

RegistryOfHost = Callable[[str], Awaitable[str]]


class Doors:
    """Serves the paths below /v1/ and /v2/. `registry_of_host` returns "" for a host of no registry."""

    def __init__(
        self, doors: Iterable[Operation], calls: Calls, registry_of_host: RegistryOfHost, *, secure: bool = False
    ) -> None:
        self._doors = [(re.compile(PARAMETER.sub(_group, door.path)), door) for door in doors]
        self._parameters = {door.rpc: Parameters(door.request) for _, door in self._doors}
        self._calls = calls
        self._registry_of_host = registry_of_host
        self._security = security_headers(secure=secure)

    def covers(self, request: web.BaseRequest) -> bool:
        """Whether the doors answer a request. `Api` answers OPTIONS for all paths."""
        path = _path(request)
        is_ours = path.startswith(("/v1/", "/v2/")) or path == "/v2"
        return is_ours and request.method != "OPTIONS" and is_http1(request)

    def find(self, request: web.BaseRequest) -> tuple[Operation, dict[str, str]]:
        """Return the door of a request, and the fields in its path. Raise Problem when there is none."""
        if request.method not in _METHODS:
            raise Problem(
                HTTPStatus.METHOD_NOT_ALLOWED, "UNSUPPORTED", "Regdex is read-only", Allow=", ".join(_METHODS)
            )
        try:
            path = unquote(_path(request), errors="strict")
        except UnicodeDecodeError:
            raise InvalidArgument("name: must be UTF-8") from None
        for pattern, door in self._doors:
            match = pattern.fullmatch("/v2/" if path == "/v2" else path)
            if match is not None:
                return door, match.groupdict()
        raise Problem(HTTPStatus.NOT_FOUND, "UNSUPPORTED", "no such path")

    async def enter(self, door: Operation, found: dict[str, str], request: web.BaseRequest) -> web.Response:
        """Run the door's operation and return its answer."""
        host = request.headers.get(hdrs.HOST, "")
        caller = await self._calls.admit(door, credentials_of(request), local=await self._is_local(request), basic=True)
        fields: dict[str, Any] = {"within": await self._registry_of_host(host), **found}
        self._parameters[door.rpc].read_known(request._message.path.partition("?")[2], fields)
        content = (await self._calls.run(door, caller, fields)).content
        headers = self._headers(request)
        if door.response is Location:
            return self._redirect(content["url"], headers, host)
        if content.pop("has_more", False):
            headers["Link"] = _link(request, fields, content)
        return web.Response(body=orjson.dumps(content), headers=headers)

    async def _is_local(self, request: web.BaseRequest) -> bool:
        """Whether no page of a website can have sent a request. Reads the database only while no key is needed."""
        host = request.headers.get(hdrs.HOST, "")
        if names_this_machine(host):
            return True
        may_be_proxy = names_other_port(request) and await self._calls.is_open()
        return may_be_proxy and await self._registry_of_host(host) != ""

    def _redirect(self, url: str, headers: "CIMultiDict[str]", host: str) -> web.Response:
        if urlsplit(url).netloc.lower() == host.lower():
            raise Problem(
                HTTPStatus.MISDIRECTED_REQUEST,
                "UNSUPPORTED",
                "this is the registry's own host: its reverse proxy must not forward this path to Regdex",
            )
        headers[hdrs.LOCATION] = url
        del headers[hdrs.CONTENT_TYPE]
        return web.Response(status=HTTPStatus.TEMPORARY_REDIRECT, headers=headers)

    def refuse(self, error: Problem | RegdexError, request: web.BaseRequest) -> web.Response:
        """Return an error in the format that clients of registries expect."""
        problem = error if isinstance(error, Problem) else _registry_problem(error)
        headers = self._headers(request)
        headers.update(problem.headers)
        content: dict[str, Any] = {"error": str(problem)}
        if not _path(request).startswith("/v1/"):
            content = {"errors": [{"code": problem.code, "message": str(problem)}]}
        return web.Response(status=problem.status, body=orjson.dumps(content), headers=headers)

    def _headers(self, request: web.BaseRequest) -> "CIMultiDict[str]":
        headers = CIMultiDict(self._security)
        headers[hdrs.CONTENT_TYPE] = JSON
        headers[hdrs.CACHE_CONTROL] = "no-store"
        if _path(request).startswith("/v1/"):
            headers["X-Docker-Registry-Standalone"] = "true"
        else:
            headers["Docker-Distribution-Api-Version"] = "registry/2.0"
        return headers


def _path(request: web.BaseRequest) -> str:
    """The raw path, without the query."""
    return request._message.path.partition("?")[0]


def _link(request: web.BaseRequest, fields: dict[str, Any], content: dict[str, Any]) -> str:
    """Return the Link header to the next page. Clients use only its path and query."""
    shown = content["tags"] if "tags" in content else content["repositories"]
    size = f"&n={fields['n']}" if "n" in fields else ""
    return f'<{_path(request)}?last={quote(shown[-1], safe="")}{size}>; rel="next"'


def _registry_problem(error: RegdexError) -> Problem:
    problem = as_problem(error)
    if isinstance(error, Unauthenticated):
        problem.headers["WWW-Authenticate"] = CHALLENGE
    if isinstance(error, InvalidArgument):
        problem.code = CODES_OF_FIELDS.get(str(error).partition(":")[0], "UNSUPPORTED")
    else:
        problem.code = CODES.get(problem.status, "UNKNOWN")
    return problem


def _group(match: re.Match[str]) -> str:
    return f"(?P<{match[1]}>{'.+' if match[1] == 'name' else '[^/]+'})"
