"""Errors as RFC 9457 problems. Their texts state the broken rule and do not quote what was sent."""

from http import HTTPStatus
from typing import Any

import orjson

from regdex.errors import (
    Exhausted,
    Expired,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    RegdexError,
    Unauthenticated,
    Unavailable,
)
from service.calls import INTERNAL_ERROR

CONTENT_TYPE = "application/problem+json"
STATUSES: dict[type[RegdexError], HTTPStatus] = {
    InvalidArgument: HTTPStatus.BAD_REQUEST,
    Unauthenticated: HTTPStatus.UNAUTHORIZED,
    PermissionDenied: HTTPStatus.FORBIDDEN,
    NotFound: HTTPStatus.NOT_FOUND,
    Expired: HTTPStatus.GONE,
    Exhausted: HTTPStatus.TOO_MANY_REQUESTS,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}


class Problem(Exception):
    """An error that exists only over HTTP, such as a wrong method, content type or size. Others are RegdexErrors."""

    def __init__(self, status: HTTPStatus, code: str, detail: str, **headers: str) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


def as_problem(error: RegdexError) -> Problem:
    """Return the problem of an error. An internal error becomes a 500 without details."""
    status = STATUSES.get(type(error))
    if status is None:
        return Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "INTERNAL", INTERNAL_ERROR)
    headers: dict[str, str] = {}
    if isinstance(error, Unauthenticated):
        headers["WWW_Authenticate"] = 'Bearer realm="regdex"'
    if isinstance(error, Unavailable):
        headers["Retry_After"] = str(error.retry_after_seconds)
    return Problem(status, error.code, str(error), **headers)


def body_of(problem: Problem, request_id: str) -> bytes:
    """Serialize a problem to JSON."""
    content: dict[str, Any] = {
        "type": "about:blank",
        "title": problem.status.phrase,
        "status": problem.status.value,
        "detail": str(problem),
        "code": problem.code,
        "request_id": request_id,
    }
    return orjson.dumps(content)
