"""Routing of a method and a path to an operation.

`{repository}` matches everything up to `/-/` or the end. `{digest}` may have a name with slashes before it. Percent
escapes are decoded once, before matching: an escaped slash is a slash, and names that are escaped twice are invalid.
"""

import re
from collections.abc import Iterable
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import unquote

from regdex.errors import InvalidArgument, NotFound
from service.operations import Operation
from service.rest.problems import Problem

BASE = "/api/v1"

PARAMETER = re.compile(r"\{(\w+)\}")
# The quantifiers are possessive, so that a path that does not match fails without backtracking.
_SHAPES = {"repository": r"(?:[^/]++|/(?!-/))+", "registry": r"[^/:]+", "digest": r".+"}
_FIRST_WORD = re.compile(r"/[a-z-]+")


class _Route(NamedTuple):
    pattern: re.Pattern[str]
    by_method: dict[str, Operation]


class Routes:
    """The routes of all operations, grouped by `_place` so that few patterns are tried for a path."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._by_place: dict[tuple[str, int], list[_Route]] = {}
        for operation in operations:
            routes = self._by_place.setdefault(_place(operation.path), [])
            pattern = re.compile(PARAMETER.sub(_group, operation.path))
            route = next((route for route in routes if route.pattern.pattern == pattern.pattern), None)
            if route is None:
                route = _Route(pattern, {})
                routes.append(route)
            route.by_method[operation.verb] = operation
            if operation.verb == "GET":
                route.by_method["HEAD"] = operation

    def find(self, method: str, path: str) -> tuple[Operation, dict[str, str]]:
        """Return the operation and the fields in its path. `path` is the raw path below `BASE`."""
        if "%" in path:
            try:
                path = unquote(path, errors="strict")
            except UnicodeDecodeError:
                raise InvalidArgument("the path must be UTF-8") from None
        allowed: set[str] = set()
        for route in self._by_place.get(_place(path), ()):
            match = route.pattern.fullmatch(path)
            if match is None:
                continue
            operation = route.by_method.get(method)
            if operation is not None:
                return operation, match.groupdict()
            allowed |= route.by_method.keys()
        if allowed:
            raise Problem(
                HTTPStatus.METHOD_NOT_ALLOWED,
                "UNIMPLEMENTED",
                "this path does not support this method",
                Allow=", ".join(sorted(allowed | {"OPTIONS"})),
            )
        raise NotFound("no such path")


def _place(path: str) -> tuple[str, int]:
    """Return the first segment, and the number of slashes after the first `/-/`; -1 without one."""
    match = _FIRST_WORD.match(path)
    _, dash, rest = path.partition("/-/")
    return match[0] if match else "", rest.count("/") if dash else -1


def _group(match: re.Match[str]) -> str:
    return f"(?P<{match[1]}>{_SHAPES.get(match[1], '[^/]+')})"
