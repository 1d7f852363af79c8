"""Which operation a method and a path ask for.

`{repository}` is everything up to `/-/` or the end, and `{digest}` may have a name before it, with slashes. Escapes are
resolved once, before anything is matched: an escaped slash means the same as a slash, and what is escaped twice is in
no grammar.
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
# Possessive, so that a path that does not match is given up on at once.
_SHAPES = {"repository": r"(?:[^/]++|/(?!-/))+", "registry": r"[^/:]+", "digest": r".+"}
_FIRST_WORD = re.compile(r"/[a-z-]+")


class _Route(NamedTuple):
    pattern: re.Pattern[str]
    by_method: dict[str, Operation]


class Routes:
    """The table of operations, by first word of the path and by how much there is behind `/-/`."""

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
        """The operation and the fields that its path carries; `path` is below the base, as it came."""
        if "%" in path:
            try:
                path = unquote(path, errors="strict")
            except UnicodeDecodeError:
                raise InvalidArgument("the path is not UTF-8") from None
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
                "this path does not take this method",
                Allow=", ".join(sorted(allowed | {"OPTIONS"})),
            )
        raise NotFound("there is nothing at this path")


def _place(path: str) -> tuple[str, int]:
    """The first word, and the number of slashes behind the first `/-/`; -1 where there is none."""
    match = _FIRST_WORD.match(path)
    _, dash, rest = path.partition("/-/")
    return match[0] if match else "", rest.count("/") if dash else -1


def _group(match: re.Match[str]) -> str:
    return f"(?P<{match[1]}>{_SHAPES.get(match[1], '[^/]+')})"
