"""Conversion of query strings and JSON bodies to fields of a request. Repeated and unknown names are rejected."""

import json
import re
from collections.abc import Callable
from typing import Any, get_args, get_origin
from urllib.parse import parse_qsl

import orjson

from regdex.errors import InvalidArgument
from service.models.message import MAY_HAVE_COMMAS, Request

MAX_QUERY = 4096
MAX_VALUES = 100

_INTEGER = re.compile(r"-?[0-9]{1,19}", re.ASCII)


def _integer(name: str, text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise InvalidArgument(f"{name}: must be an integer")
    return int(text)


def _boolean(name: str, text: str) -> bool:
    if text not in ("true", "false"):
        raise InvalidArgument(f"{name}: must be true or false")
    return text == "true"


def _as_it_is(_: str, text: str) -> str:
    return text


class Parameters:
    """Reads the fields of one request model from paths, query strings and bodies."""

    def __init__(self, model: type[Request]) -> None:
        self._readers: dict[str, Callable[[str, str], Any]] = {}
        self._lists: set[str] = set()
        self._split: set[str] = set()
        for name, field in model.model_fields.items():
            kinds = _kinds(field.annotation)
            key = field.alias or name
            self._readers[key] = _integer if int in kinds else _boolean if bool in kinds else _as_it_is
            if list in kinds:
                self._lists.add(key)
                if MAY_HAVE_COMMAS not in field.metadata:
                    self._split.add(key)

    def read_path(self, found: dict[str, str]) -> dict[str, Any]:
        """Return the fields in a matched path."""
        return {name: self._readers[name](name, text) for name, text in found.items()}

    def read_query(self, query: str, fields: dict[str, Any]) -> None:
        """Add the parameters of a raw query string to `fields`.

        A list is a repeated key, or a value with commas unless the list is marked with `MAY_HAVE_COMMAS`.
        """
        for name, text in _pairs(query, strictly=True):
            reader = self._readers.get(name)
            if reader is None:
                fields["\0"] = text  # not the name of any field: the model rejects it and lists the known names
            elif name in self._lists:
                values = fields.setdefault(name, [])
                parts = text.split(",") if name in self._split else [text]
                values += [reader(name, part) for part in parts]
                if len(values) > MAX_VALUES:
                    raise InvalidArgument(f"{name}: must have at most {MAX_VALUES} values")
            elif name in fields:
                raise InvalidArgument(f"{name}: given more than once")
            else:
                fields[name] = reader(name, text)

    def read_known(self, query: str, fields: dict[str, Any]) -> None:
        """Add the known parameters of a query string that `fields` does not have yet.

        For clients that send parameters of their own: unknown and empty parameters are ignored, and of repeated ones
        the last is used.
        """
        given = dict(_pairs(query, strictly=False))
        fields.update(
            self.read_path({name: given[name] for name in self._readers.keys() & given.keys() - fields.keys()})
        )

    def read_body(self, body: bytes, fields: dict[str, Any]) -> None:
        """Add the fields of a JSON body to `fields`."""
        try:
            content = orjson.loads(body)
        except orjson.JSONDecodeError:
            raise InvalidArgument("the body is not JSON") from None
        if not isinstance(content, dict):
            raise InvalidArgument("the body is not a JSON object")
        self._refuse_repeated_names(body)
        if content.keys() & fields.keys():
            raise InvalidArgument("the body must not repeat parameters of the path")
        known = {name: value for name, value in content.items() if name in self._readers}
        if len(known) < len(content):
            known["\0"] = None  # rejected as in `read_query`; the model would report each of 100,000 unknown names
        fields.update(known)

    def _refuse_repeated_names(self, body: bytes) -> None:
        """Raise InvalidArgument when an object repeats a name, because parsers differ in which value they use."""

        def check(pairs: list[tuple[str, Any]]) -> None:
            seen: set[str] = set()
            for name, _ in pairs:
                if name in seen:
                    raise InvalidArgument(
                        f"{name if name in self._readers else 'the body'}: a name is given more than once"
                    )
                seen.add(name)

        try:
            json.loads(body, object_pairs_hook=check, parse_int=str, parse_float=str)
        except RecursionError:
            raise InvalidArgument("the body is nested too deeply") from None


def _pairs(query: str, *, strictly: bool) -> list[tuple[str, str]]:
    """Return names and values of a raw query; `strictly` rejects parts without `=` and keeps empty values."""
    if len(query) > MAX_QUERY:
        raise InvalidArgument(f"the query must have at most {MAX_QUERY} characters")
    try:
        return parse_qsl(query, keep_blank_values=strictly, strict_parsing=strictly, errors="strict")
    except ValueError:
        raise InvalidArgument("the query must be name=value pairs in UTF-8") from None


def _kinds(annotation: Any) -> set[Any]:
    """Return all types that an annotation contains."""
    origin = get_origin(annotation)
    found = {annotation, origin}
    if origin is not None:
        for part in get_args(annotation):
            if isinstance(part, type) or get_origin(part) is not None:
                found |= _kinds(part)
    return found
